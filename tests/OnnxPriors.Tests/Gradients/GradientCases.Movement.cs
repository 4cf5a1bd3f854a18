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
        yield return new("DepthToSpace", With("blocksize", 2), In(2, 8, 2, 1));
        yield return new("DepthToSpace", With(("blocksize", 2), ("mode", "CRD")), In(2, 8, 2, 1));
        yield return new("SpaceToDepth", With("blocksize", 2), In(2, 2, 4, 2));

        yield return new("Slice", In(2, 5), CaseInput.Ints(1), CaseInput.Ints(4), CaseInput.Ints(1)) { WorksDynamically = true };
        yield return new("Slice", In(3, 5), CaseInput.Ints(-2, 1), CaseInput.Ints(int.MaxValue, -1)) { WorksDynamically = true };
        yield return new("Slice", In(2, 7), CaseInput.Ints(1), CaseInput.Ints(7), CaseInput.Ints(1), CaseInput.Ints(2)) { WorksDynamically = true };
        yield return new("Slice", In(2, 7), CaseInput.Ints(0), CaseInput.Ints(6), CaseInput.Ints(-1), CaseInput.Ints(3)) { WorksDynamically = true };
        yield return new("Slice", In(2, 6), CaseInput.Ints(-1), CaseInput.Ints(-100), CaseInput.Ints(1), CaseInput.Ints(-1)) { WorksDynamically = true };
        yield return new("Slice", In(2, 6), CaseInput.Ints(4), CaseInput.Ints(0), CaseInput.Ints(1), CaseInput.Ints(-2)) { WorksDynamically = true };

        yield return new("Pad", In(2, 3), CaseInput.Ints(0, 1, 0, 2)) { WorksDynamically = true };
        yield return new("Pad", In(2, 3), CaseInput.Ints(0, 1, 0, 2), In());
        yield return new("Pad", In(2, 4), CaseInput.Ints(0, 1, 0, -1), CaseInput.Number(0.5));
        yield return new("Pad", In(2, 3), CaseInput.Ints(1, 2), CaseInput.Number(0.5), CaseInput.Ints(1)) { WorksDynamically = true };
        foreach (var mode in (string[])["reflect", "edge"])
        {
            yield return new("Pad", With("mode", mode), In(2, 4, 3), CaseInput.Ints(0, 2, 1, 0, 1, 2)) { WorksDynamically = true };
            yield return new("Pad", With("mode", mode), In(2, 4), CaseInput.Ints(0, 0, 0, 3)) { WorksDynamically = true };
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
        yield return new("ScatterElements", With("axis", 1), In(2, 4), CaseInput.IntsOf([2, 2], 0, 3, 2, 1), In(2, 2));
        yield return new("ScatterElements", With(("axis", 1), ("reduction", "add")), In(2, 4), CaseInput.IntsOf([2, 2], 0, 0, 2, 1), In(2, 2));
        yield return new("ScatterND", In(4, 3), CaseInput.IntsOf([2, 1], 0, 3), In(2, 3)) { NeedsFixedBatch = true };
        yield return new("ScatterND", With("reduction", "add"), In(4, 3), CaseInput.IntsOf([2, 1], 0, 0), In(2, 3)) { NeedsFixedBatch = true };
        yield return new("TopK", new CaseInput([2, 4]) { Spacing = 0.3 }, CaseInput.Ints(2)) { Outputs = 2 };
        yield return new("OneHot", CaseInput.IntsOf([3], 0, 2, 2), CaseInput.Ints(3), In(2)) { Type = ElementType.Float, NeedsFixedBatch = true };
    }
}
