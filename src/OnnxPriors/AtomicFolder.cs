namespace OnnxPriors;

/// <summary>
/// A folder that appears whole or not at all: its files are written beside its place under a passing name, which is renamed at the end. An exception or a full
/// disk leaves whatever stood there before.
/// </summary>
public sealed class AtomicFolder : IDisposable
{
    private readonly string target;
    private bool isCommitted;

    private AtomicFolder(string target, string path)
    {
        this.target = target;
        Path = path;
    }

    /// <summary>Where to write: an empty folder.</summary>
    public string Path { get; }

    /// <summary>Starts a folder that <see cref="Commit"/> will put at a place.</summary>
    /// <param name="path">Where it shall stand; missing folders above it are made.</param>
    /// <exception cref="IOException">The place cannot be written, or a file stands there.</exception>
    public static AtomicFolder Create(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        var whole = System.IO.Path.TrimEndingDirectorySeparator(System.IO.Path.GetFullPath(path));
        if (File.Exists(whole))
            throw new IOException($"'{path}' is a file; give the name of a folder.");
        var parent = System.IO.Path.GetDirectoryName(whole) ?? throw new IOException($"'{path}' is the root of a file system; give the name of a folder in it.");
        Directory.CreateDirectory(parent);
        var partial = AtomicFile.PassingPath(parent, System.IO.Path.GetFileName(whole));
        Directory.CreateDirectory(partial);
        return new(whole, partial);
    }

    /// <summary>Puts the folder in its place, in that of one that stood there.</summary>
    /// <exception cref="IOException">The place cannot be written.</exception>
    public void Commit()
    {
        ObjectDisposedException.ThrowIf(isCommitted, this);
        var old = Path + ".old";
        if (Directory.Exists(target))
            Directory.Move(target, old);
        try
        {
            Directory.Move(Path, target);
        }
        catch when (Directory.Exists(old))
        {
            Directory.Move(old, target);
            throw;
        }
        isCommitted = true;
        if (Directory.Exists(old))
            Directory.Delete(old, recursive: true);
    }

    /// <summary>Without <see cref="Commit"/> nothing of the folder remains.</summary>
    public void Dispose()
    {
        if (!isCommitted && Directory.Exists(Path))
            Directory.Delete(Path, recursive: true);
    }
}
