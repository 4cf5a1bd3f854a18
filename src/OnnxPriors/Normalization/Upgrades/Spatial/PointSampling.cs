using OnnxPriors.Graphs;

namespace OnnxPriors.Normalization.Upgrades.Spatial;

/// <summary>
/// Reads maps [N, C, …] between their elements, in primitive operators: each point is a weighted sum of the elements around it, and so
/// differentiable in the maps and in the places.
/// </summary>
/// <param name="b">The graph under construction.</param>
/// <param name="x">The maps [N, C, …].</param>
internal sealed class PointSampling(GraphBuilder b, Value x)
{
    private readonly int axes = x.Rank - 2;
    private readonly Value flat = b.Reshape(x, [0, 0, -1]);

    /// <summary>An extent of the maps as a number of their type.</summary>
    public Value Extent(int axis) => b.Cast(Extents.Of(b, x, axis + 2), x.Type);

    /// <summary>The elements around each point by their distance. What lies outside counts as zero, and so does its weight.</summary>
    /// <param name="places">For each spatial axis the places of the points [N, P], counted in elements.</param>
    /// <returns>The points [N, C, P].</returns>
    public Value Linear(Value[] places)
    {
        var low = Array.ConvertAll(places, b.Floor);
        Value? sum = null;
        for (var corner = 0; corner < 1 << axes; corner++)
        {
            var indices = new Value[axes];
            Value? weight = null;
            for (var axis = 0; axis < axes; axis++)
            {
                var isUpper = (corner >> axis & 1) != 0;
                indices[axis] = isUpper ? low[axis] + 1 : low[axis];
                var part = isUpper ? places[axis] - low[axis] : 1 - (places[axis] - low[axis]);
                weight = weight is null ? part : weight * part;
            }
            var term = At(indices, weight);
            sum = sum is null ? term : sum + term;
        }
        return sum!;
    }

    /// <summary>The nearest element to each point, the even one of two.</summary>
    public Value Nearest(Value[] places) => At(Array.ConvertAll(places, b.Round), null);

    private Value At(Value[] indices, Value? weight)
    {
        Value? place = null, inside = null;
        for (var axis = 0; axis < axes; axis++)
        {
            var last = Extent(axis) - 1;
            var zero = b.Scalar(0, x.Type);
            var isInside = b.And(b.GreaterOrEqual(indices[axis], zero), b.LessOrEqual(indices[axis], last));
            inside = inside is null ? isInside : b.And(inside, isInside);
            var index = b.Cast(b.Min(b.Max(indices[axis], zero), last), ElementType.Int64);
            place = place is null ? index : place * Extents.Of(b, x, axis + 2) + index;
        }
        var channels = b.Concat([b.Ints(1), b.ShapeOf(x, 1, 2), b.Ints(1)], 0);
        var values = b.GatherElements(flat, b.Expand(b.Unsqueeze(place!, 1), channels), 2);
        var share = b.Cast(inside!, x.Type);
        return values * b.Unsqueeze(weight is null ? share : weight * share, 1);
    }
}
