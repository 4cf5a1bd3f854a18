namespace OnnxPriors.Runtime.Training;

/// <summary>
/// Keeps a second process out of a run folder. The lock is on an open handle, not on a file's being there, so the system takes it away
/// with the process however that ends.
/// </summary>
internal sealed class RunLock : IDisposable
{
    private readonly FileStream handle;

    private RunLock(FileStream handle) => this.handle = handle;

    /// <summary>Takes the lock.</summary>
    /// <exception cref="RunException">Another process holds it.</exception>
    public static RunLock Take(string folder)
    {
        Directory.CreateDirectory(folder);
        var path = Path.Combine(folder, RunFolder.Lock);
        try
        {
            return new RunLock(new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None));
        }
        catch (IOException error) when (File.Exists(path))
        {
            throw new RunException($"Another process trains in '{folder}'; wait for it, or give another folder. ({error.Message})", error);
        }
    }

    public void Dispose() => handle.Dispose();
}
