using OnnxPriors.Graphs;

namespace OnnxPriors.Tests.Gradients;

internal static partial class GradientCases
{
    private static IEnumerable<GradientCase> Movement()
    {
        yield return new("Reshape", In(2, 6), CaseInput.Ints(0, 3, 2));
        yield return new("Reshape", In(2, 6), CaseInput.Ints(-1, 3)) { WorksDynamically = true };
        yield return new("Flatten", In(2, 3, 2)) { WorksDynamically = true };
        yield return new("Flatten", With("axis", 0), In(2, 3, 2)) { NeedsFixedBatch = true };
        yield return new("Squeeze", In(2, 1, 3, 1), CaseInput.Ints(1, -1));
        yield return new("Unsqueeze", In(2, 3), CaseInput.Ints(0, -1)) { WorksDynamically = true };
        yield return new("Expand", In(2, 1, 3), CaseInput.Ints(2, 4, 3)) { NeedsFixedBatch = true };
        yield return new("Expand", In(3), CaseInput.Ints(2, 1)) { NeedsFixedBatch = true };
        yield return new("Transpose", With("perm", new long[] { 2, 0, 1 }), In(2, 3, 4)) { WorksDynamically = true };
        yield return new("Transpose", In(2, 3, 4)) { WorksDynamically = true };
        yield return new("Concat", With("axis", 1), In(2, 3), In(2, 1), In(2, 2)) { WorksDynamically = true };
        yield return new("Concat", With("axis", -2), In(2, 3), In(1, 3)) { WorksDynamically = true };
        yield return new("Split", With("axis", 1), In(2, 5), CaseInput.Ints(2, 3)) { Outputs = 2, Used = 2, WorksDynamically = true };
        // Only the first part is used: the second part's gradient is zero.
        yield return new("Split", With("axis", 1), In(2, 4), CaseInput.Ints(2, 2)) { Outputs = 2, Used = 1, WorksDynamically = true };
        yield return new("Tile", In(2, 3), CaseInput.Ints(2, 3)) { WorksDynamically = true };
        yield return new("Trilu", With("upper", 0), In(2, 3, 3));
        yield return new("Trilu", With("upper", 1), In(2, 3, 3), CaseInput.IntsOf([], 1) with { IsConstant = true });
        foreach (var (exclusive, reverse) in ((int, int)[])[(0, 0), (1, 0), (0, 1), (1, 1)])
            yield return new("CumSum", With(("exclusive", exclusive), ("reverse", reverse)), In(2, 4), CaseInput.IntsOf([], 1) with { IsConstant = true });
        yield return new("ReverseSequence", With(("batch_axis", 0), ("time_axis", 1)), In(2, 4), CaseInput.Ints(2, 4)) { NeedsFixedBatch = true };
        foreach (var (shape, axes) in ((long[], long[]?)[])[([2, 7], null), ([2, 2], null), ([5], [1]), ([7, 3], [1, -1]), ([3, 8], [-2, -1])])
        {
            var x = axes is { Length: 2 } ? In(2, 4, 5) : In(2, 5);
            yield return new("CenterCropPad", axes is null ? Attributes.None : With("axes", axes), x, CaseInput.Ints(shape)) { Type = ElementType.Float, WorksDynamically = true };
        }
        yield return new("DepthToSpace", With("blocksize", 2), In(2, 8, 2, 1));
        yield return new("DepthToSpace", With(("blocksize", 2), ("mode", "CRD")), In(2, 8, 2, 1));
        yield return new("SpaceToDepth", With("blocksize", 2), In(2, 2, 4, 2));

        yield return new("Slice", In(2, 5), CaseInput.Ints(1), CaseInput.Ints(4), CaseInput.Ints(1)) { WorksDynamically = true };
        yield return new("Slice", In(3, 5), CaseInput.Ints(-2, 1), CaseInput.Ints(int.MaxValue, -1)) { WorksDynamically = true };
        yield return new("Slice", In(2, 7), CaseInput.Ints(1), CaseInput.Ints(7), CaseInput.Ints(1), CaseInput.Ints(2)) { WorksDynamically = true };
        yield return new("Slice", In(2, 7), CaseInput.Ints(0), CaseInput.Ints(6), CaseInput.Ints(-1), CaseInput.Ints(3)) { WorksDynamically = true };
        yield return new("Slice", In(2, 6), CaseInput.Ints(-1), CaseInput.Ints(-100), CaseInput.Ints(1), CaseInput.Ints(-1)) { WorksDynamically = true };
        yield return new("Slice", In(2, 6), CaseInput.Ints(4), CaseInput.Ints(0), CaseInput.Ints(1), CaseInput.Ints(-2)) { WorksDynamically = true };

        // Bounds, axes and steps that are found when the graph runs.
        yield return new("Slice", In(3, 5), CaseInput.IntsOf([1], 1), CaseInput.IntsOf([1], 4), CaseInput.Ints(1)) { WorksDynamically = true };
        yield return new("Slice", In(3, 5), CaseInput.IntsOf([2], -2, -1), CaseInput.IntsOf([2], 9, -9), CaseInput.IntsOf([2], 0, 1), CaseInput.IntsOf([2], 1, -2)) { WorksDynamically = true };

        yield return new("Pad", In(2, 3), CaseInput.Ints(0, 1, 0, 2)) { WorksDynamically = true };
        yield return new("Pad", In(2, 3), CaseInput.Ints(0, 1, 0, 2), In());
        yield return new("Pad", In(2, 4), CaseInput.Ints(0, 1, 0, -1), CaseInput.Number(0.5));
        yield return new("Pad", In(2, 3), CaseInput.Ints(1, 2), CaseInput.Number(0.5), CaseInput.Ints(1)) { WorksDynamically = true };
        foreach (var mode in (string[])["reflect", "edge"])
        {
            yield return new("Pad", With("mode", mode), In(2, 4, 3), CaseInput.Ints(0, 2, 1, 0, 1, 2)) { WorksDynamically = true };
            yield return new("Pad", With("mode", mode), In(2, 4), CaseInput.Ints(0, 0, 0, 3)) { WorksDynamically = true };
            yield return new("Pad", With("mode", mode), In(2, 5), CaseInput.Ints(0, -1, 0, 2)) { WorksDynamically = true };
            yield return new("Pad", With("mode", mode), In(2, 5, 4), CaseInput.Ints(0, 2, -1, 0, -2, -1)) { WorksDynamically = true };
        }
    }

    private static IEnumerable<GradientCase> Indexing()
    {
        yield return new("Gather", In(4, 3), CaseInput.IntsOf([2, 3], 0, 2, 2, 3, 0, 2)) { WorksDynamically = true };
        yield return new("Gather", With("axis", 1), In(2, 3, 2), CaseInput.IntsOf([3], 0, -1, 0)) { WorksDynamically = true };
        yield return new("Gather", With("axis", 1), In(2, 3, 2), CaseInput.IntsOf([], 1)) { WorksDynamically = true };
        yield return new("Gather", With("axis", -1), In(2, 3), CaseInput.IntsOf([2, 2], 0, 1, 1, 1)) { NeedsFixedBatch = true };
        yield return new("GatherElements", With("axis", 1), In(2, 3), CaseInput.IntsOf([2, 2], 0, 0, 2, 1)) { WorksDynamically = true };
        yield return new("Compress", With("axis", 1), In(2, 4), CaseInput.Bools([4], 1, 0, 0, 1)) { Type = ElementType.Float, NeedsFixedBatch = true };
        yield return new("Compress", In(2, 3), CaseInput.Bools([6], 1, 0, 0, 1, 1, 0)) { Type = ElementType.Float, NeedsFixedBatch = true };
        yield return new("GatherND", In(2, 3, 2), CaseInput.IntsOf([3, 2], 0, 1, 1, 2, 0, 1)) { NeedsFixedBatch = true };
        yield return new("GatherND", With("batch_dims", 1), In(2, 3, 2), CaseInput.IntsOf([2, 4, 1], 0, 1, 1, -1, 2, 0, 2, 2));
        yield return new("GatherND", With("batch_dims", 1), In(2, 3, 2), CaseInput.IntsOf([2, 1, 2], 0, 1, 2, 0));
        yield return new("GatherND", With("batch_dims", 2), In(2, 2, 3, 2), CaseInput.IntsOf([2, 2, 1], 0, 1, 2, 0));
        foreach (var reduction in (string[])["none", "add", "mul", "max", "min"])
        {
            // Places named twice: all of them count, but which of two that overwrite each other stays is not said.
            var twice = reduction == "none" ? 3 : 0;
            static CaseInput Apart(double shift, params long[] shape) => new(shape) { Chosen = [.. Enumerable.Range(0, (int)shape.Aggregate(1L, (p, d) => p * d)).Select(i => Math.Sin(7.0 * i + shift) * 2 + 0.1 * i)] };
            yield return new("ScatterElements", With(("axis", 1), ("reduction", reduction)), Apart(0, 2, 4), CaseInput.IntsOf([2, 3], 0, twice, 1, 2, 1, -1), Apart(1, 2, 3)) { WorksDynamically = true };
            yield return new("ScatterND", With("reduction", reduction), Apart(0, 4, 3), CaseInput.IntsOf([2, 1], 0, twice), Apart(2, 2, 3)) { NeedsFixedBatch = true };
            yield return new("ScatterND", With("reduction", reduction), Apart(0, 4, 3), CaseInput.IntsOf([3, 2], 0, 1, 3, 0, twice, 1), Apart(2, 3)) { NeedsFixedBatch = true };
        }
        // One zero among the factors, and two: only the zero itself, or nobody, has a gradient. libtorch alone judges: its product is without zeros elsewhere.
        yield return new("ScatterElements", With("reduction", "mul"), new CaseInput([3]) { Chosen = [0, 2, 0] }, CaseInput.IntsOf([4], 0, 1, 1, 2), new CaseInput([4]) { Chosen = [3, 0, 4, 0] }) { NeedsFixedBatch = true };
        yield return new("Unique", With("sorted", 0), new CaseInput([2, 3]) { Spacing = 0.4 }) { Type = ElementType.Float };
        yield return new("Unique", With("sorted", 1), new CaseInput([2, 3]) { Spacing = 0.4 }) { Type = ElementType.Float };
        yield return new("Unique", With("axis", 1), new CaseInput([2, 3]) { Spacing = 0.4 }) { Type = ElementType.Float };
        yield return new("TopK", new CaseInput([2, 4]) { Spacing = 0.3 }, CaseInput.Ints(2)) { Outputs = 2 };
        yield return new("OneHot", CaseInput.IntsOf([3], 0, 2, 2), CaseInput.Ints(3), In(2)) { Type = ElementType.Float, NeedsFixedBatch = true };
    }
}
