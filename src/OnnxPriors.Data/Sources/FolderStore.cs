using OnnxPriors.Data.Images;

namespace OnnxPriors.Data.Sources;

/// <summary>The files under a folder. Links are followed: the folder is the user's own.</summary>
internal sealed class FolderStore : IFileStore
{
    // Two wrapping folders, a split, a class and what lies deeper by mistake. A bound also ends circles of links.
    private const int Depth = 5;

    private readonly DataLimits limits;

    public FolderStore(string path, DataLimits limits)
    {
        Name = path;
        this.limits = limits;
        var (files, folders) = (new List<string>(), new List<string>());
        var options = new EnumerationOptions { RecurseSubdirectories = true, MaxRecursionDepth = Depth, AttributesToSkip = 0, IgnoreInaccessible = false };
        foreach (var entry in new DirectoryInfo(path).EnumerateFileSystemInfos("*", options))
        {
            var name = Path.GetRelativePath(path, entry.FullName).Replace(Path.DirectorySeparatorChar, '/');
            (entry is DirectoryInfo ? folders : files).Add(name);
            if (files.Count > limits.Files)
                throw new DataException($"'{path}' holds more than {limits.Files} files.");
        }
        files.Sort(StringComparer.Ordinal);
        folders.Sort(StringComparer.Ordinal);
        (Files, Folders) = (files, folders);
    }

    public string Name { get; }

    public IReadOnlyList<string> Files { get; }

    public IReadOnlyList<string> Folders { get; }

    public int Read(int file, Example target)
    {
        var path = Path.Combine(Name, Files[file]);
        try
        {
            using var handle = File.OpenHandle(path);
            var length = RandomAccess.GetLength(handle);
            if (length > limits.FileBytes)
                throw new DataException($"'{path}' takes {length} bytes; at most {limits.FileBytes} are read.");
            var bytes = target.StartEncoded((int)length);
            var read = 0;
            while (read < bytes.Length && RandomAccess.Read(handle, bytes[read..], read) is var count and > 0)
                read += count;
            return read;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new DataException($"'{path}' cannot be read: {error.Message}", error);
        }
    }

    public void Identify(int file, FingerprintHash hash) => hash.Add(new FileInfo(Path.Combine(Name, Files[file])).Length);

    public void Dispose()
    {
    }
}
