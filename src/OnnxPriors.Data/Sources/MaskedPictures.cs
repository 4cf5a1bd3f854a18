using System.Collections.Immutable;
using OnnxPriors.Data.Images;

namespace OnnxPriors.Data.Sources;

/// <summary>
/// Pictures with a mask each, of a folder or an archive: <c>images/NAME.jpg</c> and <c>masks/NAME.png</c>, or such a pair of folders in
/// each of <c>train</c>, <c>val</c> and <c>test</c>. A single folder around it all is passed over.
/// </summary>
internal sealed class MaskedPictures : IDataset
{
    private const string PictureFolder = "images", MaskFolder = "masks";

    private readonly IFileStore store;
    private readonly DataLimits limits;
    private readonly List<(int Picture, int Mask, DataSplit Split)> files;

    public MaskedPictures(IFileStore store, DataLimits limits)
    {
        this.store = store;
        this.limits = limits;
        files = Pairs(store);
        Labels = [.. files.Select(_ => 0)];
        Splits = [.. files.Select(file => file.Split)];
    }

    public string Name => store.Name;

    public int Count => files.Count;

    public ExampleKind Kind => ExampleKind.Pixels;

    public TargetKind Targets => TargetKind.Mask;

    // Draws go by class; of pictures that hold many, all are one.
    public IReadOnlyList<string> ClassNames { get; } = ["pictures"];

    public ImmutableArray<int> Labels { get; }

    public ImmutableArray<DataSplit> Splits { get; }

    public string Fingerprint
    {
        get
        {
            using var hash = new FingerprintHash();
            foreach (var (picture, mask, split) in files)
            {
                store.Identify(picture, hash.Add($"{split}/{Path.GetFileName(store.Files[picture])}"));
                store.Identify(mask, hash);
            }
            return hash.Finish();
        }
    }

    public string NameOf(int index) => store.Files[files[index].Picture];

    public void Decode(int index, Example target, int enough = 0)
    {
        var (picture, mask, _) = files[index];
        var name = $"{Name}/{store.Files[mask]}";
        var length = store.Read(mask, target);
        MaskDecoder.Decode(target.Encoded.AsSpan(0, length), name, limits, target);
        var (width, height) = (target.MaskWidth, target.MaskHeight);
        length = store.Read(picture, target);
        // At its full size, which the mask has.
        PictureDecoder.Decode(target.Encoded.AsSpan(0, length), $"{Name}/{NameOf(index)}", limits, 0, target);
        if (target.Width != width || target.Height != height)
            throw new DataException($"'{name}' has {width} × {height} pixels, and its picture '{NameOf(index)}' {target.Width} × {target.Height}. A mask has a label for each pixel of its picture.");
    }

    public void Dispose() => store.Dispose();

    private static List<(int Picture, int Mask, DataSplit Split)> Pairs(IFileStore store)
    {
        var (pictures, masks) = (new SortedDictionary<string, (int File, DataSplit Split)>(StringComparer.Ordinal), new Dictionary<string, int>(StringComparer.Ordinal));
        for (var file = 0; file < store.Files.Count; file++)
        {
            var path = store.Files[file].Split('/');
            if (path.Any(segment => segment.StartsWith('.') || segment == "__MACOSX") || path.Length < 2 || !PictureDecoder.IsPicture(path[^1]))
                continue;
            var split = path.Length > 2 ? DataSplitNames.Parse(path[^3]) : null;
            var key = $"{string.Join('/', path[..^2])}/{Path.GetFileNameWithoutExtension(path[^1])}";
            if (path[^2] == PictureFolder && !pictures.TryAdd(key, (file, split ?? DataSplit.None)))
                throw new DataException($"'{store.Name}' has '{store.Files[pictures[key].File]}' beside '{store.Files[file]}': a mask would belong to both.");
            if (path[^2] == MaskFolder && !masks.TryAdd(key, file))
                throw new DataException($"'{store.Name}' has '{store.Files[masks[key]]}' beside '{store.Files[file]}': both would be the mask of one picture.");
            if (path[^2] is not (PictureFolder or MaskFolder))
                throw new DataException($"'{store.Name}' has '{store.Files[file]}', which is neither in a folder '{PictureFolder}' nor in a folder '{MaskFolder}'. Pictures lie as images/NAME, their masks as masks/NAME.png, or both in each of train, val and test.");
        }
        if (pictures.Count == 0)
            throw new DataException($"'{store.Name}' holds no picture in a folder '{PictureFolder}'. Pictures lie as images/NAME, their masks as masks/NAME.png, or both in each of train, val and test.");
        foreach (var (key, (file, _)) in pictures)
            if (!masks.ContainsKey(key))
                throw new DataException($"'{store.Files[file]}' in '{store.Name}' has no mask: there is no '{key.TrimStart('/').Insert(key.TrimStart('/').LastIndexOf('/') + 1, $"{MaskFolder}/")}.png'. Add it, or take the picture away.");
        if (pictures.Values.Select(p => p.Split == DataSplit.None).Distinct().Count() > 1)
            throw new DataException($"'{store.Name}' mixes layouts: some pictures lie in train, val or test, others in none of them.");
        return [.. pictures.Select(p => (p.Value.File, masks[p.Key], p.Value.Split))];
    }
}
