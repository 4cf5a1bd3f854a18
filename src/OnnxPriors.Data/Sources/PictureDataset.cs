using System.Collections.Immutable;
using OnnxPriors.Data.Images;

namespace OnnxPriors.Data.Sources;

/// <summary>Pictures in class folders, of a folder or an archive.</summary>
internal sealed class PictureDataset : IDataset
{
    private readonly IFileStore store;
    private readonly DataLimits limits;
    private readonly IReadOnlyList<LaidFile> files;

    public PictureDataset(IFileStore store, DataLimits limits, bool unlabelled = false)
    {
        this.store = store;
        this.limits = limits;
        (files, ClassNames) = unlabelled ? ClassLayout.ReadUnlabelled(store) : ClassLayout.Read(store);
        var classes = ClassNames.Index().ToDictionary(item => item.Item, item => item.Index, StringComparer.Ordinal);
        Labels = [.. files.Select(file => classes[file.Class])];
        Splits = [.. files.Select(file => file.Split)];
    }

    public string Name => store.Name;

    public int Count => files.Count;

    public ExampleKind Kind => ExampleKind.Pixels;

    public IReadOnlyList<string> ClassNames { get; }

    public ImmutableArray<int> Labels { get; }

    public ImmutableArray<DataSplit> Splits { get; }

    public string Fingerprint
    {
        get
        {
            using var hash = new FingerprintHash();
            for (var index = 0; index < files.Count; index++)
                store.Identify(files[index].File, hash.Add($"{files[index].Split}/{files[index].Class}/{Path.GetFileName(NameOf(index))}"));
            return hash.Finish();
        }
    }

    public string NameOf(int index) => store.Files[files[index].File];

    public void Decode(int index, Example target, int enough = 0)
    {
        var length = store.Read(files[index].File, target);
        PictureDecoder.Decode(target.Encoded.AsSpan(0, length), $"{Name}/{NameOf(index)}", limits, enough, target);
    }

    public void Dispose() => store.Dispose();
}
