// A DNS hook for tests: sets and clears TXT records of pebble-challtestsrv, whose address it is given.
const [management, action] = process.argv.slice(2);
const host = `${process.env.FAIRLEAD_ACME_NAME}.`;
const [path, body] =
  action === 'present'
    ? ['/set-txt', { host, value: process.env.FAIRLEAD_ACME_VALUE }]
    : ['/clear-txt', { host }];
const answer = await fetch(management + path, { method: 'POST', body: JSON.stringify(body) });
process.exitCode = answer.ok ? 0 : 1;
