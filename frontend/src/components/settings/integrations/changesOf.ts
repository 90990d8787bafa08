/** The fields that were written anew. Only they are sent, so that what somebody else has changed meanwhile stays. */
export function changesOf<T extends object>(before: T, now: T): Partial<T> {
  const old = new Map(Object.entries(before));
  const isNew = ([name, value]: [string, unknown]) => JSON.stringify(value) !== JSON.stringify(old.get(name));
  return Object.fromEntries(Object.entries(now).filter(isNew)) as Partial<T>;
}
