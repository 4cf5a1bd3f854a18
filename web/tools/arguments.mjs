// The command line of these tools: one path, then --name value.
export function readArguments(usage, defaults) {
  const [, , path, ...rest] = process.argv;
  const given = { ...defaults };
  for (let i = 0; i < rest.length; i += 2) {
    const name = rest[i].replace(/^--/, '');
    if (!rest[i].startsWith('--') || !(name in defaults) || rest[i + 1] === undefined) fail(usage);
    given[name] = typeof defaults[name] === 'number' ? Number(rest[i + 1]) : rest[i + 1];
  }
  if (!path) fail(usage);
  return { path, ...given };
}

export function fail(message) {
  console.error(message);
  process.exit(2);
}
