using OnnxPriors.Data;

namespace OnnxPriors.Cli.Demo;

/// <summary>The pretrained model and the two data sets that the tool carries, and the folder they are worked on in.</summary>
internal sealed class DemoAssets
{
    /// <summary>The model's file name.</summary>
    public const string ModelName = "demo-digits.onnx";

    private const string SourceName = "demo-source.npz", TargetName = "demo-target.npz";

    private DemoAssets(string folder) => Folder = folder;

    /// <summary>The working folder, as it was given.</summary>
    public string Folder { get; }

    /// <summary>The model, pretrained in PyTorch on the source task.</summary>
    public string Model => In(ModelName);

    /// <summary>The source task: printed digits, ten classes.</summary>
    public string Source => In(SourceName);

    /// <summary>The downstream task: handwritten digits, five labels.</summary>
    public string Target => In(TargetName);

    /// <summary>Writes model and data to a folder; it is made where it is not there.</summary>
    /// <param name="folder">Empty, or the folder of an earlier demo, whose results are replaced.</param>
    /// <exception cref="DataException">The folder holds something else.</exception>
    /// <exception cref="IOException">A file cannot be written.</exception>
    public static DemoAssets Unpack(string folder)
    {
        if (File.Exists(folder))
            throw new DataException($"'{folder}' is a file; give --output a folder.");
        if (Directory.Exists(folder) && Directory.EnumerateFileSystemEntries(folder).Any() && !File.Exists(Path.Combine(folder, ModelName)))
            throw new DataException($"'{folder}' holds something other than an earlier demo; give --output a folder that is empty or not there yet.");
        Directory.CreateDirectory(folder);
        var assets = new DemoAssets(folder);
        foreach (var name in (string[])[ModelName, SourceName, TargetName])
        {
            using var content = typeof(DemoAssets).Assembly.GetManifestResourceStream(name)
                ?? throw new InvalidOperationException($"The tool was built without its resource '{name}'.");
            using var file = AtomicFile.Create(assets.In(name));
            content.CopyTo(file.Stream);
            file.Commit();
        }
        return assets;
    }

    /// <summary>A path in the working folder.</summary>
    public string In(params string[] names) => Path.Combine([Folder, .. names]);
}
