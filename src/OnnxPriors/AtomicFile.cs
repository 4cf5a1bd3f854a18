using System.Text.RegularExpressions;

namespace OnnxPriors;

/// <summary>
/// A file that appears whole or not at all: it is written beside its place under a passing name, forced to the disk, and renamed.
/// A full disk, an exception or a killed process leaves whatever stood there before.
/// </summary>
public sealed partial class AtomicFile : IDisposable
{
    // ERROR_DISK_FULL as an HRESULT, which .NET leaves out where the room cannot be reserved.
    private const int DiskFull = unchecked((int)0x80070070);

    private readonly string _path;
    private readonly string _partial;
    private bool _committed;

    private AtomicFile(string path, string partial, FileStream stream)
    {
        _path = path;
        _partial = partial;
        Stream = stream;
    }

    /// <summary>Where to write; readable, so that what was written can be hashed before it is committed.</summary>
    public FileStream Stream { get; }

    /// <summary>Starts a file that <see cref="Commit"/> will put at <paramref name="path"/>.</summary>
    /// <param name="path">Where the file shall stand; its folder must exist.</param>
    /// <param name="length">Its length in bytes where known: the room is reserved at once, so a disk too full fails here. Unwritten bytes are 0.</param>
    /// <exception cref="IOException">The folder is missing or cannot be written, or the disk is full.</exception>
    public static AtomicFile Create(string path, long length = 0)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        var whole = Path.GetFullPath(path);
        if (Directory.Exists(whole))
            throw new IOException($"'{path}' is a folder; give the name of a file.");
        var partial = PassingPath(Path.GetDirectoryName(whole)!, Path.GetFileName(whole));
        var stream = Open(path, partial, length);
        try
        {
            if (length > 0)
                stream.SetLength(length);
        }
        catch
        {
            stream.Dispose();
            File.Delete(partial);
            throw;
        }
        return new AtomicFile(whole, partial, stream);
    }

    /// <summary>A message about a file or folder under its passing name, with the name it was to have.</summary>
    /// <param name="message">What the system said.</param>
    public static string WithFinalNames(string message) => PassingName().Replace(message, "$1");

    internal static string PassingPath(string folder, string name) => Path.Combine(folder, $".{name}.{Path.GetRandomFileName()}.partial");

    private static FileStream Open(string path, string partial, long length)
    {
        try
        {
            return new FileStream(partial, new FileStreamOptions
            {
                Mode = FileMode.CreateNew,
                Access = FileAccess.ReadWrite,
                Share = FileShare.None,
                BufferSize = 1 << 16,
                PreallocationSize = length,
            });
        }
        catch (IOException error) when (length > 0 && error.GetType() == typeof(IOException) && !File.Exists(partial) && Directory.Exists(Path.GetDirectoryName(partial)))
        {
            throw new IOException($"There is no room for the {length} bytes of '{path}'.", DiskFull);
        }
    }

    [GeneratedRegex(@"\.([^/\\]+)\.[a-z0-9]{8}\.[a-z0-9]{3}\.partial(?:[/\\]\.\1\.[a-z0-9]{8}\.[a-z0-9]{3}\.partial)?", RegexOptions.CultureInvariant)]
    private static partial Regex PassingName();

    /// <summary>Puts the file in its place, over one that stood there.</summary>
    /// <param name="durable">
    /// Whether the bytes are first forced to the disk, so that even a power failure leaves the old file or the new. Without, a killed
    /// process still does; that is enough for large files that can be made again and whose hash stands elsewhere.
    /// </param>
    /// <exception cref="IOException">The disk is full, or the place cannot be written.</exception>
    public void Commit(bool durable = true)
    {
        ObjectDisposedException.ThrowIf(_committed, this);
        Stream.Flush(flushToDisk: durable);
        Stream.Dispose();
        File.Move(_partial, _path, overwrite: true);
        _committed = true;
    }

    /// <summary>Closes the file; without <see cref="Commit"/> nothing of it remains.</summary>
    public void Dispose()
    {
        if (_committed)
            return;
        try
        {
            Stream.Dispose();
        }
        catch (IOException)
        {
            // A full disk can refuse the buffered rest once more; the file goes anyway.
        }
        File.Delete(_partial);
    }
}
