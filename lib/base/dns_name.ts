/** Names of the domain name system. @module */

/** Whether `name` can be asked for: labels of 1 to 63 letters, digits, dashes and underscores. */
export function isDnsName(name: string): boolean {
  const bare = name.replace(/\.$/, "");
  return bare.length <= 253 && /^[\w-]{1,63}(\.[\w-]{1,63})*$/.test(bare);
}
