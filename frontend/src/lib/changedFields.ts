/** Return the fields whose values differ. Sending only these keeps changes that other users saved in the meantime. */
export function changedFields<T extends object>(before: T, after: T): Partial<T> {
  const old = new Map(Object.entries(before));
  const isChanged = ([name, value]: [string, unknown]) =>
    JSON.stringify(value) !== JSON.stringify(old.get(name));
  return Object.fromEntries(Object.entries(after).filter(isChanged)) as Partial<T>;
}
