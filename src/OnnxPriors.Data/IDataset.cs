using System.Collections.Immutable;
using OnnxPriors.Data.Images;

namespace OnnxPriors.Data;

/// <summary>
/// Labelled examples in a fixed order. What is known without decoding (labels, names, parts) is there from the start; examples
/// are decoded one by one, from any number of threads at once.
/// </summary>
public interface IDataset : IDisposable
{
    /// <summary>The source, for messages: its path.</summary>
    string Name { get; }

    /// <summary>The number of examples, at least 1.</summary>
    int Count { get; }

    /// <summary>What the examples are.</summary>
    ExampleKind Kind { get; }

    /// <summary>What is known of the examples; their classes unless a source says otherwise.</summary>
    TargetKind Targets => TargetKind.Class;

    /// <summary>How many flags or numbers an example has; 0 for other targets.</summary>
    int TargetCount => 0;

    /// <summary>Gives an example's flags or numbers.</summary>
    /// <param name="index">The example, 0 to <see cref="Count"/> − 1.</param>
    /// <param name="target">Takes them, [<see cref="TargetCount"/>].</param>
    void CopyTargets(int index, Span<float> target) => throw new DataException($"'{Name}' has no numbers to predict.");

    /// <summary>The classes' names in the order of their indices.</summary>
    IReadOnlyList<string> ClassNames { get; }

    /// <summary>The class index of each example.</summary>
    ImmutableArray<int> Labels { get; }

    /// <summary>The part each example belongs to.</summary>
    ImmutableArray<DataSplit> Splits { get; }

    /// <summary>
    /// A hash of what the examples and labels are, in 64 hexadecimal digits: of arrays their contents, of an archive the names, lengths
    /// and checksums of its files, of a folder their names and lengths. Where the source lies does not count.
    /// </summary>
    string Fingerprint { get; }

    /// <summary>The name of an example, for messages: its file, or its row.</summary>
    /// <param name="index">The example, 0 to <see cref="Count"/> − 1.</param>
    string NameOf(int index);

    /// <summary>Decodes an example.</summary>
    /// <param name="index">The example, 0 to <see cref="Count"/> − 1.</param>
    /// <param name="target">Takes it.</param>
    /// <param name="enough">
    /// A large picture may be decoded at a fraction of its size while its short side stays at or above this many pixels; 0: at its
    /// full size.
    /// </param>
    /// <exception cref="DataException">The example cannot be read; the message names it.</exception>
    void Decode(int index, Example target, int enough = 0);
}
