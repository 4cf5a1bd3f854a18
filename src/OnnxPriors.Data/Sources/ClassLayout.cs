using OnnxPriors.Data.Images;

namespace OnnxPriors.Data.Sources;

/// <summary>A picture's place in a <see cref="ClassLayout"/>.</summary>
/// <param name="File">Its index among the store's files.</param>
/// <param name="Split">The part it belongs to.</param>
/// <param name="Class">Its class's name.</param>
internal readonly record struct LaidFile(int File, DataSplit Split, string Class);

/// <summary>
/// Reads classes and parts from names: <c>class/picture</c> throughout, or <c>train|val|validation|test/class/picture</c>
/// throughout. A single folder around it all is passed over, and so are hidden files, files that are no pictures, and what
/// macOS and Windows leave behind. Classes are in ordinal order of their names.
/// </summary>
internal static class ClassLayout
{
    /// <summary>Finds the pictures of a store.</summary>
    /// <returns>The pictures in the order of their names, and the classes.</returns>
    /// <exception cref="DataException">There is no picture, the layouts are mixed, or a class has no picture.</exception>
    public static (IReadOnlyList<LaidFile> Files, IReadOnlyList<string> Classes) Read(IFileStore store)
    {
        var pictures = Pictures(store);
        var folders = store.Folders.Select(name => name.Split('/')).Where(path => !path.Any(IsLeftover)).ToList();

        var skip = WrappingFolders(pictures.Select(picture => picture.Path), folders);
        var divided = DataSplitNames.Parse(pictures[0].Path[skip]) is not null && pictures[0].Path.Length > skip + 2;
        var depth = divided ? 3 : 2;
        var laid = new List<LaidFile>(pictures.Count);
        var seen = new HashSet<string>(StringComparer.Ordinal);
        foreach (var (file, path) in pictures)
        {
            if (path.Length - skip != depth || divided && DataSplitNames.Parse(path[skip]) is null)
                throw Mixed(store, pictures[0].File, file);
            laid.Add(new LaidFile(file, divided ? DataSplitNames.Parse(path[skip])!.Value : DataSplit.None, path[^2]));
            seen.Add(string.Join('/', path[..^1]));
        }
        foreach (var folder in folders)
            if (folder.Length == skip + depth - 1 && !seen.Contains(string.Join('/', folder)))
                throw new DataException($"'{store.Name}' has a class folder '{string.Join('/', folder)}' with no picture in it. Put pictures there, or take the folder away.");
        if (!divided && laid.Select(file => file.Class).Distinct().All(name => DataSplitNames.Parse(name) is not null))
            throw new DataException($"'{store.Name}' has pictures right in '{laid[0].Class}', such as '{store.Files[laid[0].File]}': they need a folder for their class.");
        return (laid, [.. laid.Select(file => file.Class).Distinct().Order(StringComparer.Ordinal)]);
    }

    /// <summary>Finds the pictures of a store wherever they lie, all of one class; a folder of a part's name, right at the top or within one around it all, still is that part.</summary>
    /// <exception cref="DataException">There is no picture.</exception>
    public static (IReadOnlyList<LaidFile> Files, IReadOnlyList<string> Classes) ReadUnlabelled(IFileStore store)
    {
        const string Name = "unlabelled";
        var pictures = Pictures(store);
        var skip = pictures.TrueForAll(picture => picture.Path.Length > 2 && picture.Path[0] == pictures[0].Path[0] && DataSplitNames.Parse(picture.Path[0]) is null) ? 1 : 0;
        return ([.. pictures.Select(picture => new LaidFile(
            picture.File, picture.Path.Length > skip + 1 && DataSplitNames.Parse(picture.Path[skip]) is { } split ? split : DataSplit.None, Name))], [Name]);
    }

    private static List<(int File, string[] Path)> Pictures(IFileStore store)
    {
        var pictures = new List<(int File, string[] Path)>();
        for (var file = 0; file < store.Files.Count; file++)
            if (store.Files[file].Split('/') is var path && PictureDecoder.IsPicture(path[^1]) && !path.Any(IsLeftover))
                pictures.Add((file, path));
        return pictures.Count > 0 ? pictures
            : throw new DataException($"'{store.Name}' holds no picture: there is no JPEG, PNG, BMP or WebP file in it. Put pictures into one folder a class.");
    }

    /// <summary>How many folders lie around everything, such as an archive's own name.</summary>
    private static int WrappingFolders(IEnumerable<string[]> pictures, List<string[]> folders)
    {
        var paths = pictures.ToList();
        var skip = 0;
        while (paths.TrueForAll(path => path.Length > skip + 2 && path[skip] == paths[0][skip])
            && folders.TrueForAll(path => path.Length <= skip || path[skip] == paths[0][skip])
            && (DataSplitNames.Parse(paths[0][skip]) is null || paths.TrueForAll(path => path.Length > skip + 3)))
            skip++;
        return skip;
    }

    private static bool IsLeftover(string segment) => segment.StartsWith('.') || segment == "__MACOSX";

    private static DataException Mixed(IFileStore store, int first, int other) => new(
        $"'{store.Name}' mixes layouts: '{store.Files[first]}' beside '{store.Files[other]}'. "
        + "Pictures lie either all as class/picture or all as train|val|test/class/picture.");
}
