using OnnxPriors.Graphs;

namespace OnnxPriors.Tests.Gradients;

/// <summary>
/// The forms in which each operator's gradient is tried. Numbers are drawn where the operator is smooth; float32 stands where the runtime
/// has no float64 kernel.
/// </summary>
internal static partial class GradientCases
{
    public static IReadOnlyList<GradientCase> All { get; } = [.. Arithmetic(), .. Functions(), .. Activations(), .. Reductions(), .. Movement(), .. Indexing(), .. Matrices(), .. Convolutions(), .. Pooling(), .. Normalisations(), .. Resizing(), .. Losses(), .. Recurrent(), .. Sampling(), .. Signals()];

    private static Attributes With(string name, object value) => Attributes.None.With(name, value);

    private static Attributes With(params (string Name, object Value)[] all) => all.Aggregate(Attributes.None, (a, p) => a.With(p.Name, p.Value));

    private static CaseInput In(params long[] shape) => new(shape);

    private static CaseInput Within(double low, double high, params long[] shape) => new(shape, low, high);

    private static IEnumerable<GradientCase> Arithmetic()
    {
        foreach (var op in (string[])["Add", "Sub", "Mul", "Div"])
        {
            yield return new(op, Within(1, 3, 2, 3), Within(1, 3, 2, 3)) { WorksDynamically = true };
            yield return new(op, Within(1, 3, 2, 3), Within(1, 3, 3)) { WorksDynamically = true };
            yield return new(op, Within(1, 3, 3, 1), Within(1, 3, 2, 1, 4)) { WorksDynamically = true };
            yield return new(op, Within(1, 3), Within(1, 3, 2, 3)) { WorksDynamically = true };
        }
        yield return new("Mod", With("fmod", 1), Within(4.1, 4.9, 2, 2), Within(1.6, 2, 2)) { Type = ElementType.Float };
        yield return new("Pow", Within(0.5, 2, 2, 3), In(2, 3)) { WorksDynamically = true };
        foreach (var exponent in (double[])[-1, 0.5, 2, 3, 2.5])
            yield return new("Pow", Within(0.5, 2, 2, 3), CaseInput.Number(exponent));
        yield return new("Pow", Within(-2, -1, 2, 3), CaseInput.IntsOf([], 3) with { IsConstant = true });
        yield return new("Pow", Within(-2, 2, 2, 3), Reals([3], 2, 0, 3) with { IsConstant = true });
        yield return new("Range", Within(0.1, 0.2), Within(4.8, 4.9) with { IsDifferentiated = false }, Within(0.9, 1.1)) { Type = ElementType.Float };
        yield return new("Sum", In(2, 3), In(3), In(2, 1));
        yield return new("Mean", In(2, 3), In(3), In(2, 1)) { Type = ElementType.Float };
        foreach (var op in (string[])["Max", "Min"])
        {
            yield return new(op, In(2, 3), In(3));
            yield return new(op, In(2, 3), In(2, 3), In(2, 3));
        }
        yield return new("Where", CaseInput.Bools([2, 3], 1, 0, 1, 0, 0, 1), In(2, 3), In(3)) { WorksDynamically = true };
        yield return new("Clip", In(2, 4), CaseInput.Number(-0.7), CaseInput.Number(0.8));
        yield return new("Clip", In(2, 4), Within(-1.1, -0.9), Within(0.9, 1.1));
        yield return new("Clip", In(2, 4), null, CaseInput.Number(0.8));
    }

    private static IEnumerable<GradientCase> Functions()
    {
        foreach (var op in (string[])["Identity", "Neg", "Exp", "Sin", "Cos"])
            yield return new(op, In(2, 3)) { WorksDynamically = true };
        foreach (var op in (string[])["Abs", "Reciprocal"])
            yield return new(op, new CaseInput([2, 3]) { Gap = 0.3 });
        foreach (var op in (string[])["Sqrt", "Log"])
            yield return new(op, Within(0.5, 3, 2, 3));
        foreach (var op in (string[])["Asin", "Acos", "Atan", "Atanh"])
            yield return new(op, Within(-0.7, 0.7, 2, 3)) { Type = ElementType.Float };
        foreach (var op in (string[])["Tan", "Sinh", "Cosh", "Asinh", "Erf"])
            yield return new(op, Within(-1.2, 1.2, 2, 3)) { Type = ElementType.Float };
        yield return new("Acosh", Within(1.5, 3, 2, 3)) { Type = ElementType.Float };
        yield return new("Cast", With("to", ElementType.Double), In(2, 3)) { Type = ElementType.Float };
        yield return new("CastLike", In(2, 3), new CaseInput([]) { Fixed = TensorData.Of([1.0], []) });
    }

    private static IEnumerable<GradientCase> Activations()
    {
        var kinked = new CaseInput([2, 6]) { Gap = 0.3 };
        yield return new("Relu", kinked) { WorksDynamically = true };
        foreach (var op in (string[])["Sigmoid", "Tanh"])
            yield return new(op, In(2, 3));
        foreach (var op in (string[])["Softplus", "Softsign", "Mish"])
            yield return new(op, kinked) { Type = ElementType.Float };
        foreach (var op in (string[])["Elu", "Selu", "Celu", "LeakyRelu", "Shrink"])
            yield return new(op, Within(0.6, 1.5, 2, 3)) { Type = ElementType.Float };
        foreach (var op in (string[])["Elu", "Selu", "Celu", "LeakyRelu", "Shrink"])
            yield return new(op, Within(-1.5, -0.6, 2, 3)) { Type = ElementType.Float };
        yield return new("Elu", With("alpha", 0.4f), kinked) { Type = ElementType.Float };
        yield return new("Celu", With("alpha", 0.4f), kinked) { Type = ElementType.Float };
        yield return new("LeakyRelu", With("alpha", 0.3f), kinked) { Type = ElementType.Float };
        yield return new("ThresholdedRelu", With("alpha", 0.1f), kinked) { Type = ElementType.Float };
        yield return new("PRelu", kinked, In(6)) { Type = ElementType.Float };
        yield return new("PRelu", new CaseInput([2, 3, 2]) { Gap = 0.3 }, In(3, 1)) { Type = ElementType.Float };
        yield return new("HardSigmoid", Within(-2, 2, 2, 3)) { Type = ElementType.Float };
        yield return new("HardSigmoid", With(("alpha", 1f), ("beta", 0f)), Within(0.2, 0.8, 2, 3)) { Type = ElementType.Float };
        yield return new("HardSigmoid", Within(3, 4, 2, 3)) { Type = ElementType.Float };
        yield return new("HardSwish", Within(-2.5, 2.5, 2, 3)) { Type = ElementType.Float };
        yield return new("HardSwish", Within(3.2, 4, 2, 3)) { Type = ElementType.Float };
        yield return new("HardSwish", Within(-4, -3.2, 2, 3)) { Type = ElementType.Float };
        foreach (var op in (string[])["Softmax", "LogSoftmax"])
        {
            yield return new(op, In(2, 5)) { WorksDynamically = true };
            yield return new(op, With("axis", 1), In(2, 3, 4));
            yield return new(op, With("axis", 0), In(3, 2)) { NeedsFixedBatch = true };
        }
        yield return new("Dropout", In(2, 3)) { Type = ElementType.Float };
        yield return new("Dropout", In(2, 3), CaseInput.Number(0.4), CaseInput.Bools([], 0) with { IsConstant = true }) { Type = ElementType.Float };
        // Whether it drops is found when the graph runs: here it does not.
        yield return new("Dropout", In(2, 3), CaseInput.Number(0.4), CaseInput.Bools([], 0)) { Type = ElementType.Float };
    }

    private static IEnumerable<GradientCase> Reductions()
    {
        foreach (var op in (string[])["ReduceSum", "ReduceMean", "ReduceMax", "ReduceMin", "ReduceSumSquare", "ReduceL1", "ReduceL2", "ReduceLogSum", "ReduceLogSumExp", "ReduceProd"])
        {
            var x = new CaseInput([2, 3, 2], 0.5, 2) { Spacing = op is "ReduceMax" or "ReduceMin" ? 0.1 : 0 };
            // Float32 where the runtime has no float64 kernel of the operator.
            var type = op is "ReduceSum" or "ReduceMean" or "ReduceMax" or "ReduceMin" or "ReduceSumSquare" or "ReduceLogSumExp" ? ElementType.Double : ElementType.Float;
            yield return new(op, x, CaseInput.Ints(1)) { Type = type, WorksDynamically = true };
            // The norm of zero: attention that normalises its keys meets it in padded windows.
            if (op == "ReduceL2")
                yield return new(op, new CaseInput([2, 3], 0, 0), CaseInput.Ints(1)) { Type = type, WorksDynamically = true };
            yield return new(op, With("keepdims", 0), x, CaseInput.Ints(0, -1)) { Type = type, WorksDynamically = true };
            yield return new(op, With("keepdims", 0), x) { Type = type, WorksDynamically = true };
            // Axes that are found when the graph runs.
            foreach (var keep in (int[])[0, 1])
                yield return new(op, With("keepdims", keep), x, CaseInput.IntsOf([2], -1, 0)) { Type = type, WorksDynamically = true };
        }
        yield return new("ReduceProd", new CaseInput([2, 3]) { Fixed = null, Low = -1, High = 1 }, CaseInput.Ints(1)) { Type = ElementType.Float };
        yield return new("ReduceSum", With("noop_with_empty_axes", 1), In(2, 3));
    }

    private static IEnumerable<GradientCase> Matrices()
    {
        yield return new("MatMul", In(2, 3), In(3, 4)) { WorksDynamically = true };
        yield return new("MatMul", In(2, 5, 3), In(3, 4)) { WorksDynamically = true };
        yield return new("MatMul", In(2, 5, 3), In(2, 3, 4)) { WorksDynamically = true };
        yield return new("MatMul", In(5, 3), In(2, 3, 4));
        yield return new("MatMul", In(2, 1, 2, 3), In(4, 3, 2)) { NeedsFixedBatch = true };
        yield return new("MatMul", In(3), In(3, 4)) { NeedsFixedBatch = true };
        yield return new("MatMul", In(2, 3), In(3));
        yield return new("MatMul", In(2, 4, 3), In(3));
        yield return new("MatMul", In(3), In(3)) { NeedsFixedBatch = true };
        yield return new("MatMul", In(3), In(2, 3, 4)) { NeedsFixedBatch = true };
        foreach (var (transA, transB) in ((int, int)[])[(0, 0), (0, 1), (1, 0), (1, 1)])
            yield return new("Gemm", With(("transA", transA), ("transB", transB), ("alpha", 0.7f), ("beta", 1.3f)),
                transA == 1 ? In(3, 2) : In(2, 3), transB == 1 ? In(4, 3) : In(3, 4), In(4))
            { WorksDynamically = true, NeedsFixedBatch = transA == 1 || transB == 0 };
        yield return new("Gemm", In(2, 3), In(3, 4), In(2, 1)) { NeedsFixedBatch = true };
        yield return new("Gemm", In(2, 3), In(3, 4), In()) { NeedsFixedBatch = true };
        yield return new("Gemm", In(2, 3), In(3, 4)) { NeedsFixedBatch = true };
        foreach (var (equation, a, c) in ((string, long[], long[])[])
        [
            ("ij,jk->ik", [2, 3], [3, 4]), ("bij,bjk->bik", [2, 3, 2], [2, 2, 3]), ("bhqd,bhkd->bhqk", [2, 2, 3, 2], [2, 2, 2, 2]),
            ("ii,ij->ij", [3, 3], [3, 2]), ("bii,bj->bij", [2, 3, 3], [2, 2]), ("iij,jk->k", [2, 2, 3], [3, 2]), ("...ii,...j->...ij", [2, 3, 3], [2, 2]),
            ("i,j->ij", [2], [3]), ("ij,jk", [2, 3], [3, 2]), ("bij,kj->bk", [2, 2, 3], [4, 3]), ("...ij,...jk->...ik", [2, 2, 3], [2, 3, 2]),
        ])
            yield return new("Einsum", With("equation", equation), In(a), In(c)) { NeedsFixedBatch = true };
        yield return new("Einsum", With("equation", "bii->b"), In(2, 3, 3)) { WorksDynamically = true };
        yield return new("Einsum", With("equation", "iji->j"), In(3, 2, 3)) { NeedsFixedBatch = true };
        yield return new("Einsum", With("equation", "iii"), In(3, 3, 3)) { NeedsFixedBatch = true };
        foreach (var n in (int[])[1, 2, 3, 4])
            yield return new("Det", In(2, n, n)) { Type = ElementType.Float };
        yield return new("Det", In(3, 3)) { Type = ElementType.Float, NeedsFixedBatch = true };
        // A singular matrix has a gradient, though no inverse.
        yield return new("Det", new CaseInput([2, 3, 3]) { Chosen = [1, 2, 3, 2, 4, 6, 0, 1, 1, 1, 0, 0, 0, 0, 0, 0, 1, 2] }) { Type = ElementType.Float, IsAutogradable = false };
        yield return new("Einsum", With("equation", "bij->ib"), In(2, 3, 2)) { NeedsFixedBatch = true };
        yield return new("Einsum", With("equation", "bi,ij,bj->b"), In(2, 3), In(3, 2), In(2, 2)) { NeedsFixedBatch = true };
    }
}
