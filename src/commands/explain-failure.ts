/** A network failure in a few words. */
export function explainFailure(error: unknown): string {
  const { name, code, message, cause } = error as NodeJS.ErrnoException;
  if (name === 'TimeoutError' || (cause as Error | undefined)?.name === 'TimeoutError')
    return 'no answer in time';
  // Every address of a name was tried; the first failure speaks for all.
  if (error instanceof AggregateError && error.errors.length > 0) return explainFailure(error.errors[0]);
  if (code === 'ECONNREFUSED') return 'connection refused';
  if (code === 'ENOTFOUND') return 'the host name is unknown';
  return message === '' ? (code ?? name) : message;
}
