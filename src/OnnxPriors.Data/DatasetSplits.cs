using System.Collections.Immutable;
using System.Globalization;
using OnnxPriors.Data.Randomness;

namespace OnnxPriors.Data;

/// <summary>How a source is divided for training.</summary>
public sealed record SplitOptions
{
    /// <summary>
    /// The share of each class that validates, in [0, 1); null: the source's own validation part, or none. Where a share is given,
    /// the source's own validation part is left alone.
    /// </summary>
    public double? ValidationShare { get; init; }

    /// <summary>How many examples of each class train, drawn at random; null: all.</summary>
    public int? ExamplesPerClass { get; init; }

    /// <summary>What the draws depend on.</summary>
    public ulong Seed { get; init; }
}

/// <summary>
/// A source divided for training. First the validation share is drawn within each class, then the examples that train are drawn
/// from what is left, so that runs with different numbers of examples share one validation set, and fewer examples are a subset
/// of more. The source's test part is never drawn from.
/// </summary>
/// <param name="Train">What trains.</param>
/// <param name="Validation">What validates; may be empty.</param>
/// <param name="HeldOut">What could train and was not drawn.</param>
/// <param name="Test">The source's own test part; may be empty.</param>
public sealed record DatasetSplits(DatasetView Train, DatasetView Validation, DatasetView HeldOut, DatasetView Test)
{
    /// <summary>Divides a source.</summary>
    /// <exception cref="DataException">A number is out of range, a class has too few examples, or there is nothing to train on.</exception>
    public static DatasetSplits Of(IDataset source, SplitOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(source);
        options ??= new SplitOptions();
        if (options.ValidationShare is { } share && !(share is >= 0 and < 1))
            throw new DataException($"A validation share of {share.ToString(CultureInfo.InvariantCulture)} is not possible; it is at least 0 and below 1.");
        if (options.ExamplesPerClass < 1)
            throw new DataException($"{options.ExamplesPerClass} examples per class cannot train; it takes at least 1.");

        var byClass = Enumerable.Range(0, source.Count)
            .Where(index => source.Splits[index] is DataSplit.None or DataSplit.Train)
            .GroupBy(index => source.Labels[index])
            .OrderBy(group => group.Key)
            .ToList();
        if (byClass.Count == 0)
            throw new DataException($"'{source.Name}' has no example to train on: all of it is validation or test data.");

        var (train, validation, heldOut) = (new List<int>(), new List<int>(), new List<int>());
        foreach (var group in byClass)
        {
            var drawn = Drawn(group, options.Seed, Purpose.Validation);
            var validating = ValidationCount(drawn.Length, options.ValidationShare ?? 0);
            validation.AddRange(drawn[..validating]);
            var left = Drawn(drawn[validating..], options.Seed, Purpose.Picks);
            var wanted = options.ExamplesPerClass ?? left.Length;
            if (wanted > left.Length)
                throw new DataException(
                    $"'{source.Name}' has {left.Length} examples of class '{source.ClassNames[group.Key]}' to train on; {wanted} were asked for.");
            train.AddRange(left[..wanted]);
            heldOut.AddRange(left[wanted..]);
        }
        return new DatasetSplits(
            View(source, train),
            options.ValidationShare is null ? DatasetView.Of(source, DataSplit.Validation) : View(source, validation),
            View(source, heldOut),
            DatasetView.Of(source, DataSplit.Test));
    }

    /// <summary>A class with two examples or more gives at least one and keeps at least one.</summary>
    private static int ValidationCount(int examples, double share) =>
        share == 0 || examples < 2 ? 0 : Math.Clamp((int)Math.Round(examples * share, MidpointRounding.AwayFromZero), 1, examples - 1);

    /// <summary>Orders examples by a random number of their own, so that one class's draw does not depend on another's.</summary>
    private static ImmutableArray<int> Drawn(IEnumerable<int> indices, ulong seed, Purpose purpose) =>
        [.. indices.OrderBy(index => new KeyedRandom(seed, purpose, (ulong)index).Next()).ThenBy(index => index)];

    private static DatasetView View(IDataset source, List<int> indices) => DatasetView.Of(source, indices.Order());
}
