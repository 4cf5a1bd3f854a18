using System.Collections.Immutable;
using OnnxPriors.Data.Randomness;

namespace OnnxPriors.Data;

/// <summary>Some examples of a source, in an order, with their classes as the model counts them. It never changes.</summary>
public sealed class DatasetView
{
    private DatasetView(IDataset source, ImmutableArray<int> indices, ImmutableArray<int> labels, IReadOnlyList<string> classNames)
    {
        Source = source;
        Indices = indices;
        Labels = labels;
        ClassNames = classNames;
    }

    /// <summary>Where the examples are.</summary>
    public IDataset Source { get; }

    /// <summary>Each example's index in <see cref="Source"/>.</summary>
    public ImmutableArray<int> Indices { get; }

    /// <summary>Each example's class index in <see cref="ClassNames"/>.</summary>
    public ImmutableArray<int> Labels { get; }

    /// <summary>The classes' names in the order of their indices.</summary>
    public IReadOnlyList<string> ClassNames { get; }

    /// <summary>The number of examples; it can be 0.</summary>
    public int Count => Indices.Length;

    /// <summary>Every example of a source, whatever part it belongs to.</summary>
    public static DatasetView All(IDataset source) => Of(source, Enumerable.Range(0, source.Count));

    /// <summary>The examples of one part of a source.</summary>
    public static DatasetView Of(IDataset source, DataSplit split) =>
        Of(source, Enumerable.Range(0, source.Count).Where(index => source.Splits[index] == split));

    /// <summary>The examples given, in the order given.</summary>
    public static DatasetView Of(IDataset source, IEnumerable<int> indices)
    {
        ArgumentNullException.ThrowIfNull(source);
        var kept = indices.ToImmutableArray();
        return new DatasetView(source, kept, [.. kept.Select(index => source.Labels[index])], source.ClassNames);
    }

    /// <summary>The first examples.</summary>
    /// <param name="count">How many at most.</param>
    public DatasetView Take(int count) => count >= Count ? this : new(Source, Indices[..count], Labels[..count], ClassNames);

    /// <summary>
    /// The same examples with a model's classes: each class of the data is found by its name. A source that has some of the
    /// model's classes only, or has them in another order, is counted as the model counts.
    /// </summary>
    /// <param name="classNames">The model's classes.</param>
    /// <exception cref="DataException">An example's class is none of the model's.</exception>
    public DatasetView WithClasses(IReadOnlyList<string> classNames)
    {
        ArgumentNullException.ThrowIfNull(classNames);
        if (classNames.SequenceEqual(ClassNames, StringComparer.Ordinal))
            return this;
        var indices = new Dictionary<string, int>(StringComparer.Ordinal);
        foreach (var (index, name) in classNames.Index())
            indices.TryAdd(name, index);
        var unknown = Labels.Distinct().Select(label => ClassNames[label]).Where(name => !indices.ContainsKey(name)).Order(StringComparer.Ordinal).ToList();
        if (unknown.Count > 0)
            throw new DataException(
                $"'{Source.Name}' has the class{(unknown.Count > 1 ? "es" : "")} {Listed(unknown)}, which the model lacks; it knows {Listed(classNames)}.");
        return new DatasetView(Source, Indices, [.. Labels.Select(label => indices[ClassNames[label]])], classNames);
    }

    /// <summary>Some examples of each class, drawn at random, in this view's order; fewer drawn by the same seed are a subset of more.</summary>
    /// <param name="count">How many of each class at most.</param>
    /// <param name="seed">What the draw depends on.</param>
    public DatasetView TakePerClass(int count, ulong seed)
    {
        var kept = Enumerable.Range(0, Count).GroupBy(position => Labels[position])
            .SelectMany(group => group.OrderBy(position => new KeyedRandom(seed, Purpose.Share, (ulong)Indices[position]).Next()).ThenBy(position => position).Take(count))
            .Order().ToList();
        return new(Source, [.. kept.Select(position => Indices[position])], [.. kept.Select(position => Labels[position])], ClassNames);
    }

    /// <summary>The same examples under one class without a name: data of another task, whose labels mean nothing here.</summary>
    public DatasetView Unlabelled() => new(Source, Indices, [.. Labels.Select(_ => 0)], ["0"]);

    /// <summary>This, once every label is a class of the model.</summary>
    /// <param name="classes">The number of classes of the model.</param>
    /// <exception cref="DataException">A label is out of range; the message names the example.</exception>
    public DatasetView RequireClasses(int classes)
    {
        for (var position = 0; position < Count; position++)
            if (Labels[position] >= classes)
                throw new DataException(
                    $"'{Source.Name}' has label {Labels[position]} ('{ClassNames[Labels[position]]}') at {Source.NameOf(Indices[position])}, out of range for {classes} classes: labels count from 0 to {classes - 1}.");
        return this;
    }

    private static string Listed(IReadOnlyList<string> names) =>
        string.Join(", ", names.Take(8).Select(name => $"'{name}'")) + (names.Count > 8 ? $" and {names.Count - 8} more" : "");
}
