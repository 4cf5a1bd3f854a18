using System.Collections.Immutable;
using OnnxPriors.Graphs;

namespace OnnxPriors.Normalization;

/// <summary>Which real number an integer stands for: (q − zero) · scale, for a whole tensor or for each slice along an axis, or for blocks of it.</summary>
/// <param name="Type">The integers' type, which says where they end.</param>
/// <param name="Scale">The scale.</param>
/// <param name="Zero">The integer that stands for zero; null where it is 0.</param>
/// <param name="Axis">The axis of slices or blocks, where the scale has more than one element.</param>
/// <param name="Block">How many elements share a scale along the axis; 0 where it has one for each.</param>
internal sealed record QuantisationGrid(ElementType Type, TensorData Scale, TensorData? Zero, long Axis = 1, long Block = 0)
{
    /// <summary>Integers that stand for themselves.</summary>
    public static QuantisationGrid Unit { get; } = new(ElementType.Int32, TensorData.Of([1f], []), null);

    /// <summary>Whether there is one scale for the whole tensor.</summary>
    public bool IsWhole => Scale.Count == 1;

    /// <summary>The least and the largest integer of a type.</summary>
    public static (double Low, double High) Range(ElementType type) => type switch
    {
        ElementType.UInt8 => (0, 255),
        ElementType.Int8 => (-128, 127),
        ElementType.UInt16 => (0, 65535),
        ElementType.Int16 => (-32768, 32767),
        ElementType.UInt4 => (0, 15),
        ElementType.Int4 => (-8, 7),
        ElementType.UInt2 => (0, 3),
        ElementType.Int2 => (-2, 1),
        _ => (int.MinValue, int.MaxValue),
    };

    /// <summary>The real numbers that integers stand for.</summary>
    public TensorData Real(TensorData integers)
    {
        var (values, scales, zeros) = (integers.ToDouble(), Scale.ToDouble(), Zero?.ToDouble());
        var result = new float[values.Length];
        var (extent, inner) = Spans(integers.Dimensions);
        var groups = Block > 0 ? (extent + Block - 1) / Block : extent;
        for (long i = 0; i < result.Length; i++)
        {
            var along = i / inner % extent;
            var group = Block > 0 ? i / inner / extent * groups * inner + along / Block * inner + i % inner : along;
            var place = IsWhole ? 0 : group;
            result[i] = (float)((values[i] - (zeros is null ? 0 : zeros[zeros.Length == 1 ? 0 : place])) * scales[place]);
        }
        return TensorData.Of(result, integers.Dimensions);
    }

    /// <summary>The least and the largest real number that integers of the type stand for, shaped to broadcast with a tensor of so many axes.</summary>
    public (TensorData Low, TensorData High) Bounds(int rank)
    {
        var (low, high) = Range(Type);
        var (scales, zeros) = (Scale.ToDouble(), Zero?.ToDouble());
        return (At(low), At(high));

        TensorData At(double end)
        {
            var values = scales.Select((s, i) => (float)((end - (zeros is null ? 0 : zeros[zeros.Length == 1 ? 0 : i])) * s)).ToArray();
            return IsWhole ? TensorData.Of(values, []) : TensorData.Of(values, [.. Column(rank)]);
        }
    }

    /// <summary>A scale or zero point as a constant that broadcasts with a tensor of so many axes.</summary>
    public TensorData Spread(TensorData parameter, int rank) =>
        parameter.Count == 1 ? TensorData.Of(parameter.ToSingle(), []) : TensorData.Of(parameter.ToSingle(), [.. Column(rank)]);

    /// <summary>Whether the same integers stand for the same numbers on another grid.</summary>
    public bool Agrees(QuantisationGrid other) =>
        Scale.ToDouble().SequenceEqual(other.Scale.ToDouble())
        && (Zero?.ToDouble() ?? [0]).SequenceEqual(other.Zero?.ToDouble() ?? [0])
        && Block == other.Block && (IsWhole || Axis == other.Axis);

    private IEnumerable<long> Column(int rank) => Enumerable.Range(0, rank).Select(i => i == (Axis < 0 ? Axis + rank : Axis) ? Scale.Count : 1);

    private (long Extent, long Inner) Spans(ImmutableArray<long> dimensions)
    {
        if (IsWhole)
            return (1, 1);
        var axis = (int)(Axis < 0 ? Axis + dimensions.Length : Axis);
        return (dimensions[axis], dimensions.Skip(axis + 1).Aggregate(1L, (n, d) => n * d));
    }
}
