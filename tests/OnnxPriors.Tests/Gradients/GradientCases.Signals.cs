using OnnxPriors.Graphs;

namespace OnnxPriors.Tests.Gradients;

internal static partial class GradientCases
{
    private static IEnumerable<GradientCase> Signals()
    {
        foreach (var inverse in (int[])[0, 1])
        {
            yield return Float("DFT", With("inverse", inverse), In(2, 5, 1)) with { WorksDynamically = false };
            yield return Float("DFT", With("inverse", inverse), In(2, 4, 2));
            yield return Float("DFT", With(("inverse", inverse), ("axis", 2)), In(2, 2, 5, 2));
            // Continued with zeros, and cut.
            foreach (var length in (int[])[8, 3])
            {
                yield return Float("DFT", With("inverse", inverse), In(2, 5, 2), CaseInput.IntsOf([], length) with { IsConstant = true });
                yield return Float("DFT", With("inverse", inverse), In(2, 5, 1), CaseInput.IntsOf([], length) with { IsConstant = true });
            }
        }
        foreach (var length in (int[])[4, 5])
            yield return Float("DFT", With("onesided", 1), In(2, length, 1));
        yield return Float("DFT", With("onesided", 1), In(2, 6, 1), CaseInput.IntsOf([], 8) with { IsConstant = true });

        static CaseInput Step(long value) => CaseInput.IntsOf([], value) with { IsConstant = true };
        yield return Float("STFT", Attributes.None, In(2, 8, 1), Step(2), Within(0.5, 1.5, 4));
        yield return Float("STFT", With("onesided", 0), In(2, 8, 1), Step(3), Within(0.5, 1.5, 4));
        yield return Float("STFT", With("onesided", 0), In(2, 7, 2), Step(2), Within(0.5, 1.5, 3));
        yield return Float("STFT", With("onesided", 1), In(2, 8, 1), Step(3), null, Step(5));
    }
}
