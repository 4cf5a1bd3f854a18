using System.Collections.Immutable;
using System.Globalization;
using OnnxPriors.Data.Images;
using OnnxPriors.Data.Sources;

namespace OnnxPriors.Data;

/// <summary>
/// A source's examples as what something made of them: the features of a network that does not train, computed once an example. Labels,
/// parts and order are the source's, so that whatever draws and shuffles gives the same examples.
/// </summary>
/// <param name="source">The source; it is not disposed with this.</param>
/// <param name="maker">What makes the features, as a hash: part of the fingerprint.</param>
/// <param name="length">The number of features of an example.</param>
/// <param name="features">Gives an example's features; called by several threads at once.</param>
public sealed class FeatureDataset(IDataset source, string maker, int length, Func<int, ReadOnlyMemory<float>> features) : IDataset
{
    /// <inheritdoc/>
    public string Name => source.Name;

    /// <inheritdoc/>
    public int Count => source.Count;

    /// <inheritdoc/>
    public ExampleKind Kind => ExampleKind.Features;

    /// <inheritdoc/>
    public IReadOnlyList<string> ClassNames => source.ClassNames;

    /// <inheritdoc/>
    public ImmutableArray<int> Labels => source.Labels;

    /// <inheritdoc/>
    public ImmutableArray<DataSplit> Splits => source.Splits;

    /// <inheritdoc/>
    public string Fingerprint
    {
        get
        {
            using var hash = new FingerprintHash();
            return hash.Add(source.Fingerprint).Add(maker).Finish();
        }
    }

    /// <inheritdoc/>
    public string NameOf(int index) => source.NameOf(index);

    /// <inheritdoc/>
    public void Decode(int index, Example target, int enough = 0)
    {
        ArgumentNullException.ThrowIfNull(target);
        var values = features(index);
        if (values.Length != length)
            throw new DataException(string.Create(CultureInfo.InvariantCulture, $"'{source.NameOf(index)}' has {values.Length} features where others have {length}."));
        values.Span.CopyTo(target.StartValues(ExampleKind.Features, length, 1, 1));
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        // The source belongs to whoever opened it.
    }
}
