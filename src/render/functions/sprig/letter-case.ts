/** Words of a name in other spellings. */

/** At spaces, dashes, underscores, before capitals, and between letters and digits that follow a capital. */
function wordsOf(text: string): readonly string[] {
  return text.match(/\p{Lu}+(?!\p{Ll})[\p{N}]*|\p{Lu}?[^\p{Lu}\s_-]+|\p{Lu}/gu) ?? [];
}

export function snakeCase(text: string): string {
  return wordsOf(text).join('_').toLowerCase();
}

export function kebabCase(text: string): string {
  return wordsOf(text).join('-').toLowerCase();
}

/** Every word with a capital, nothing between. */
export function camelCase(text: string): string {
  return text
    .split(/[\s_-]+/u)
    .map((word) => word.charAt(0).toUpperCase() + word.slice(1).toLowerCase())
    .join('');
}
