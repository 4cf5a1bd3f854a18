using OnnxPriors.Data.Sources;

namespace OnnxPriors.Data;

/// <summary>Opens labelled data by its path.</summary>
public static class DataSource
{
    /// <summary>
    /// Opens a folder or zip archive of pictures (<c>class/picture</c> or <c>train|val|test/class/picture</c>; where masks are wanted
    /// <c>images/picture</c> and <c>masks/picture</c>, or both in each of <c>train|val|test</c>), an NPZ file (examples
    /// and labels by name), a CSV file (numbers and a label column) or IDX files (a folder, or either file of a pair). What it is
    /// is told from its first bytes, not from its name; CSV alone goes by its ending.
    /// </summary>
    /// <param name="path">The file or folder.</param>
    /// <param name="options">What the path does not say.</param>
    /// <returns>The examples; the caller disposes them.</returns>
    /// <exception cref="DataException">There is nothing there, it is of no known kind, it is broken, unsafe, or empty.</exception>
    public static IDataset Open(string path, DataSourceOptions? options = null)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        options ??= new DataSourceOptions();
        try
        {
            return Directory.Exists(path) ? OpenFolder(path, options) : OpenFile(path, options);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new DataException($"'{path}' cannot be read: {error.Message}", error);
        }
    }

    private static IDataset OpenFolder(string path, DataSourceOptions options) =>
        (IDataset?)IdxSource.OpenFolder(path, options.Limits) ?? OpenPictures(new FolderStore(path, options.Limits), options);

    private static IDataset OpenFile(string path, DataSourceOptions options)
    {
        if (!File.Exists(path))
            throw new DataException($"There is no file or folder '{path}'.");
        var start = ReadStart(path);
        if (options.Targets != TargetKind.Class && IdxSource.Matches(start))
            throw new DataException($"'{path}' is an IDX file, which holds one class for each example and no other targets. Give an NPZ, a CSV, or pictures with masks.");
        if (start is [(byte)'P', (byte)'K', 3, 4, ..] or [(byte)'P', (byte)'K', 5, 6, ..])
            return Path.GetExtension(path).Equals(".npz", StringComparison.OrdinalIgnoreCase)
                ? NpzSource.Open(path, options.Targets, options.Limits)
                : OpenArchive(path, options);
        if (IdxSource.Matches(start))
            return IdxSource.OpenFile(path, options.Limits);
        return Path.GetExtension(path).ToUpperInvariant() switch
        {
            ".CSV" or ".TSV" or ".TXT" => CsvSource.Open(path, options.LabelColumn, options.Targets, options.Limits),
            ".ZIP" or ".NPZ" => throw new DataException($"'{path}' is no zip archive, whatever its name says."),
            _ => throw new DataException($"'{path}' is of no known kind. Data is a folder or zip of pictures in class folders, an NPZ, a CSV, or an IDX pair."),
        };
    }

    private static IDataset OpenArchive(string path, DataSourceOptions options)
    {
        var store = new ZipStore(path, options.Limits);
        if (store.Files.Count == 0 || !store.Files.All(name => name.EndsWith(".npy", StringComparison.Ordinal)))
            return OpenPictures(store, options);
        store.Dispose();
        return NpzSource.Open(path, options.Targets, options.Limits);
    }

    private static IDataset OpenPictures(IFileStore store, DataSourceOptions options)
    {
        try
        {
            return options.Targets switch
            {
                TargetKind.Class => new PictureDataset(store, options.Limits, options.Unlabelled),
                TargetKind.Mask => new MaskedPictures(store, options.Limits),
                _ => throw new DataException($"'{store.Name}' holds pictures in folders, which say nothing of {(options.Targets == TargetKind.Flags ? "several labels" : "numbers")} for each. Give an NPZ with labels [N, C], or a CSV."),
            };
        }
        catch
        {
            store.Dispose();
            throw;
        }
    }

    private static byte[] ReadStart(string path)
    {
        using var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read);
        var start = new byte[4];
        return start[..file.ReadAtLeast(start, start.Length, throwOnEndOfStream: false)];
    }
}
