// Writes a zip archive of stored entries, for tests.
import { crc32 } from 'node:zlib';

/**
 * @param {Map<string, Uint8Array>} files
 * @returns {Buffer}
 */
export function writeZip(files) {
  const [parts, directory] = [[], []];
  let at = 0;
  for (const [name, bytes] of files) {
    const title = Buffer.from(name);
    // Versions, flags, method 0, time and date, checksum, both sizes, lengths of name and extra field.
    const fields = Buffer.alloc(26);
    fields.writeUInt16LE(20, 0);
    fields.writeUInt32LE(crc32(bytes), 10);
    fields.writeUInt32LE(bytes.length, 14);
    fields.writeUInt32LE(bytes.length, 18);
    fields.writeUInt16LE(title.length, 22);
    const [local, entry] = [signature(0x04034b50), Buffer.concat([signature(0x02014b50), Buffer.from([20, 0]), fields, Buffer.alloc(14)])];
    entry.writeUInt32LE(at, 42);
    parts.push(local, fields, title, bytes);
    directory.push(entry, title);
    at += 30 + title.length + bytes.length;
  }
  const list = Buffer.concat(directory);
  const end = Buffer.concat([signature(0x06054b50), Buffer.alloc(18)]);
  end.writeUInt16LE(files.size, 8);
  end.writeUInt16LE(files.size, 10);
  end.writeUInt32LE(list.length, 12);
  end.writeUInt32LE(at, 16);
  return Buffer.concat([...parts, list, end]);
}

function signature(value) {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}
