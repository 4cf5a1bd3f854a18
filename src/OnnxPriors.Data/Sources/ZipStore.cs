using System.IO.Compression;
using OnnxPriors.Data.Images;

namespace OnnxPriors.Data.Sources;

/// <summary>
/// The files of a zip archive, read in place and never unpacked to disk. Names that would leave a folder, links, other special
/// files, encrypted entries and entries that declare more than they can hold are refused when the archive is opened.
/// </summary>
internal sealed class ZipStore : IFileStore
{
    private const int UnixTypeMask = 0xF000, UnixFile = 0x8000, UnixFolder = 0x4000, UnixLink = 0xA000;

    private readonly DataLimits limits;
    private readonly ZipArchive archive;
    private readonly ZipArchiveEntry[] entries;
    private readonly Lock gate = new();

    public ZipStore(string path, DataLimits limits)
    {
        Name = path;
        this.limits = limits;
        try
        {
            archive = new ZipArchive(new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read), ZipArchiveMode.Read);
        }
        catch (InvalidDataException error)
        {
            throw new DataException($"'{path}' is no zip archive, or a broken one: {error.Message}", error);
        }
        try
        {
            (entries, Files, Folders) = List();
        }
        catch (InvalidDataException error)
        {
            archive.Dispose();
            throw new DataException($"'{path}' is a broken zip archive: {error.Message}", error);
        }
        catch
        {
            archive.Dispose();
            throw;
        }
    }

    public string Name { get; }

    public IReadOnlyList<string> Files { get; }

    public IReadOnlyList<string> Folders { get; }

    public int Read(int file, Example target)
    {
        var entry = entries[file];
        try
        {
            // The archive's stream has one position: entries are read one at a time and decoded side by side.
            lock (gate)
            {
                using var stream = entry.Open();
                var bytes = target.StartEncoded((int)entry.Length);
                if (stream.ReadAtLeast(bytes, bytes.Length, throwOnEndOfStream: false) < bytes.Length || stream.ReadByte() >= 0)
                    throw new DataException($"'{Files[file]}' in '{Name}' does not have the {entry.Length} bytes the archive declares.");
                return bytes.Length;
            }
        }
        catch (Exception error) when (error is InvalidDataException or IOException)
        {
            throw new DataException($"'{Files[file]}' in '{Name}' cannot be read: {error.Message}", error);
        }
    }

    public void Identify(int file, FingerprintHash hash) => hash.Add(entries[file].Length).Add(entries[file].Crc32);

    public void Dispose() => archive.Dispose();

    private (ZipArchiveEntry[] Entries, string[] Files, string[] Folders) List()
    {
        if (archive.Entries.Count > limits.Files)
            throw new DataException($"'{Name}' holds {archive.Entries.Count} entries; at most {limits.Files} are read.");
        var files = new SortedDictionary<string, ZipArchiveEntry>(StringComparer.Ordinal);
        var folders = new SortedSet<string>(StringComparer.Ordinal);
        foreach (var entry in archive.Entries)
        {
            var name = CheckedName(entry);
            for (var slash = name.IndexOf('/', StringComparison.Ordinal); slash > 0; slash = name.IndexOf('/', slash + 1))
                folders.Add(name[..slash]);
            if (!name.EndsWith('/') && !files.TryAdd(name, entry))
                throw new DataException($"'{Name}' holds two files called '{name}'.");
        }
        return ([.. files.Values], [.. files.Keys], [.. folders]);
    }

    private string CheckedName(ZipArchiveEntry entry)
    {
        // Archives made on Windows by old tools have backslashes.
        var name = entry.FullName.Replace('\\', '/');
        var segments = name.Split('/');
        if (name.StartsWith('/') || segments[0].Contains(':', StringComparison.Ordinal) || segments.Contains("..") || segments.Contains(".")
            || name.Contains('\0', StringComparison.Ordinal))
            throw new DataException($"'{Name}' holds an entry '{entry.FullName}', whose name leads out of the archive. The archive is not safe and is not read.");
        var type = (entry.ExternalAttributes >> 16) & UnixTypeMask;
        if (type is not (0 or UnixFile or UnixFolder))
            throw new DataException($"'{Name}' holds '{entry.FullName}', a {(type == UnixLink ? "link" : "special file")}. Put the files themselves into the archive.");
        if (entry.IsEncrypted)
            throw new DataException($"'{Name}' holds '{entry.FullName}', which is encrypted. Make the archive without a password.");
        if (entry.Length > limits.FileBytes)
            throw new DataException($"'{Name}' holds '{entry.FullName}' of {entry.Length} bytes; at most {limits.FileBytes} are read.");
        if (entry.Length > entry.CompressedLength * DataLimits.DeflateRatio + 64)
            throw new DataException($"'{Name}' declares {entry.Length} bytes for '{entry.FullName}' from {entry.CompressedLength}: more than compression can do. The archive is not safe and is not read.");
        return name;
    }
}
