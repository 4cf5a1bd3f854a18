using OnnxPriors.Graphs;

namespace OnnxPriors.Gradients.Rules;

/// <summary>
/// ScatterElements and ScatterND with each of their reductions. A rule is written once for both: <paramref name="Write"/> puts updates into a tensor of the
/// data's shape with a reduction, <paramref name="Read"/> reads one where the updates went.
/// </summary>
/// <param name="Call">The node.</param>
/// <param name="Write">From (data, updates, reduction).</param>
/// <param name="Read">From a tensor of the data's shape.</param>
internal sealed record ScatterGradients(GradientCall Call, Func<Value, Value, string, Value> Write, Func<Value, Value> Read)
{
    public static IReadOnlyDictionary<string, GradientRule> Rules { get; } = new Dictionary<string, GradientRule>(StringComparer.Ordinal)
    {
        ["ScatterElements"] = c => new ScatterGradients(
            c, (data, updates, reduction) => c.B.ScatterElements(data, c.X(1), updates, c.Attributes.Int("axis"), reduction),
            x => c.B.GatherElements(x, c.X(1), c.Attributes.Int("axis"))).Give(),
        ["ScatterND"] = c => new ScatterGradients(c, (data, updates, reduction) => c.B.ScatterNd(data, c.X(1), updates, reduction), x => c.B.GatherNd(x, c.X(1))).Give(),
    };

    private GraphBuilder B => Call.B;

    private Value Data => Call.X(0);

    private Value Updates => Call.X(2);

    private void Give()
    {
        switch (Call.Attributes.String("reduction", "none"))
        {
            // What was overwritten has no gradient; what was added to keeps its own.
            case "none":
                Call.Give(0, () => Write(Call.Dy(), B.FilledLike(Updates, 0), "none"));
                Call.Give(2, () => Read(Call.Dy()));
                break;
            case "add":
                Call.Give(0, () => Call.Dy());
                Call.Give(2, () => Read(Call.Dy()));
                break;
            case "mul":
                Product();
                break;
            case "max" or "min":
                Extreme();
                break;
            case var reduction:
                throw Call.Refuse($"its reduction '{reduction}' is not known");
        }
    }

    // The product of the others: zeros are counted and taken for ones, and what remains is divided by the element.
    private void Product()
    {
        var (ofData, ofUpdates) = (IsZero(Data), IsZero(Updates));
        var (data, updates) = (Filled(Data, ofData), Filled(Updates, ofUpdates));
        var (zeros, zerosWritten) = (B.Mask(ofData, Data), B.Mask(ofUpdates, Updates));
        var product = Call.Dy() * Write(data, updates, "mul");
        var count = Write(zeros, zerosWritten, "add");
        Call.Give(0, () => product / data * B.Mask(IsZero(count - zeros), Data));
        Call.Give(2, () => Read(product) / updates * B.Mask(IsZero(Read(count) - zerosWritten), Updates));
    }

    // Those that tie share, as scatter_reduce of libtorch has it.
    private void Extreme()
    {
        var y = Call.Y();
        var (hits, hitsWritten) = (B.Mask(B.Equal(Data, y), Data), B.Mask(B.Equal(Updates, Read(y)), Updates));
        var share = Call.Dy() / Write(hits, hitsWritten, "add");
        Call.Give(0, () => share * hits);
        Call.Give(2, () => Read(share) * hitsWritten);
    }

    private Value IsZero(Value x) => B.Equal(x, B.Like(0, x));

    private Value Filled(Value x, Value isZero) => B.Where(isZero, B.Like(1, x), x);
}
