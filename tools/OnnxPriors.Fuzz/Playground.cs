namespace OnnxPriors.Fuzz;

/// <summary>A folder that a case has to itself, with files outside of it that it must not reach.</summary>
internal sealed class Playground : IDisposable
{
    /// <summary>What the files outside hold, over and over; no case holds it.</summary>
    public const uint Canary = 0x5EC12E75;

    private const int CanaryBytes = 1 << 16;

    private readonly string root = Directory.CreateTempSubdirectory("onnxpriors-fuzz-").FullName;

    public Playground()
    {
        var secret = new byte[CanaryBytes];
        for (var i = 0; i < secret.Length; i++)
            secret[i] = (byte)(Canary >> (8 * (i % 4)));
        File.WriteAllBytes(Path.Combine(root, "secret.bin"), secret);
        File.WriteAllBytes(Secret, secret);
        Inside = Directory.CreateDirectory(Path.Combine(root, "model")).FullName;
        Reset();
    }

    /// <summary>The folder of the case.</summary>
    public string Inside { get; }

    /// <summary>The file of the case.</summary>
    public string PathOf(string name) => Path.Combine(Inside, name);

    /// <summary>An absolute path of a file outside.</summary>
    public static string Secret { get; } = Path.Combine(Path.GetTempPath(), "onnxpriors-fuzz-secret.bin");

    /// <summary>Makes the folder as it was.</summary>
    public void Reset()
    {
        foreach (var file in Directory.EnumerateFileSystemEntries(Inside))
            if (new FileInfo(file).LinkTarget is not null || File.Exists(file))
                File.Delete(file);
        File.CreateSymbolicLink(Path.Combine(Inside, "link.bin"), Path.Combine(root, "secret.bin"));
        Directory.CreateSymbolicLink(Path.Combine(Inside, "linked"), root);
        File.WriteAllBytes(Path.Combine(Inside, "weights.bin"), new byte[1 << 14]);
    }

    public void Dispose()
    {
        Directory.Delete(root, recursive: true);
        File.Delete(Secret);
    }
}
