using OnnxPriors.Gradients;
using OnnxPriors.Graphs;
using OnnxPriors.Testing;

namespace OnnxPriors.Tests.Gradients;

/// <summary>Every rule against central differences of the operator itself, both on ONNX Runtime.</summary>
[TestClass]
public sealed class GradientRuleTests
{
    public static IEnumerable<object[]> Cases() => GradientCases.All.Index().Where(c => c.Item.IsSmooth).Select(c => new object[] { c.Index, c.Item.ToString() });

    [TestMethod]
    [DynamicData(nameof(Cases))]
    public void The_gradient_is_that_of_central_differences_with_fixed_shapes(int index, string name) => Check(GradientCases.All[index], s => s, name);

    [TestMethod]
    [DynamicData(nameof(Cases))]
    public void The_gradient_is_that_of_central_differences_with_a_symbolic_batch(int index, string name)
    {
        if (!GradientCases.All[index].NeedsFixedBatch)
        {
            var axis = GradientCases.All[index].BatchAxis;
            Check(GradientCases.All[index], s => s.Rank > 1 && s[axis].Value > 1 ? s.With(axis, Dimension.Symbolic("batch")) : s, name);
        }
    }

    [TestMethod]
    [DynamicData(nameof(Cases))]
    public void The_gradient_is_that_of_central_differences_with_unknown_extents(int index, string name)
    {
        if (GradientCases.All[index].WorksDynamically)
        {
            // Channels are known wherever there are kernels.
            var hasKernel = GradientCases.All[index].Inputs.Any(i => i is { IsWeight: true });
            Check(GradientCases.All[index], s => new Shape([.. s.Select((d, i) => hasKernel && i == 1 ? d : Dimension.Unknown)]), name);
        }
    }

    [TestMethod]
    public void Each_rule_has_a_case()
    {
        var tried = GradientCases.All.Select(c => c.Op).ToHashSet();
        Assert.IsEmpty(GradientRules.Operators.Where(o => !tried.Contains(o.Op)).Select(o => o.Op));
    }

    [TestMethod]
    public void Each_rule_adds_standard_operators_that_have_a_shape_rule_only()
    {
        foreach (var @case in GradientCases.All)
            foreach (var node in @case.Build(s => s).Backward)
                Assert.IsTrue(OnnxPriors.Graphs.Inference.ShapeInference.IsKnown(node.Domain, node.Op), $"{@case}: {node}");
    }

    [TestMethod]
    public void Each_operator_of_the_canonical_opset_has_a_rule_or_the_gradient_zero_or_is_gone_before_training()
    {
        // Integer arithmetic becomes its float computation where a model trains, and loops are written out at import; Scan stands in gradients alone.
        string[] gone = ["DequantizeLinear", "DynamicQuantizeLinear", "QLinearConv", "QLinearMatMul", "QuantizeLinear", "Scan"];
        var settled = GradientRules.Operators.Concat(GradientRules.ZeroOperators).Where(o => o.Domain.Length == 0).Select(o => o.Op).Concat(gone);
        Assert.AreSequenceEqual(OnnxPriors.Graphs.Inference.ShapeInference.Operators.Order(StringComparer.Ordinal), settled.Order(StringComparer.Ordinal));
    }

    [TestMethod]
    public void No_operator_is_declared_to_have_both_a_rule_and_no_gradient() =>
        Assert.IsEmpty(GradientRules.Operators.Intersect(GradientRules.ZeroOperators));

    [TestMethod]
    public void The_documentation_lists_the_operators_there_are()
    {
        var parts = File.ReadAllText(Path.Combine(SharedFiles.Checkout, "docs", "gradients.md")).Split("## Operators with a rule\n")[1].Split("## Operators whose derivative is zero\n");
        var rules = parts[0].Split("## Operators that are written in others\n")[0].Split('\n').Where(l => l.StartsWith("| `", StringComparison.Ordinal)).SelectMany(l => l.Split('|')[2].Split(',', StringSplitOptions.TrimEntries));
        Assert.AreSequenceEqual(GradientRules.Operators.Select(o => o.Op).Order(StringComparer.Ordinal), rules.Order(StringComparer.Ordinal));
        var (between, zeros) = (parts[0].Split("## Operators that are written in others\n"), parts[1]);
        var expanded = between[1].Split('\n').Where(l => l.StartsWith("| `", StringComparison.Ordinal)).SelectMany(l => l.Split('|')[2].Split(',', StringSplitOptions.TrimEntries)
            .Select(op => (l.Contains("`ai.onnx`", StringComparison.Ordinal) ? "" : l.Split('`')[1], op)));
        Assert.AreSequenceEqual(ExpandedOperators.All.Order(), expanded.Order());
        Assert.AreSequenceEqual(GradientRules.ZeroOperators.Select(o => o.Op).Order(StringComparer.Ordinal), zeros.Split(',', StringSplitOptions.TrimEntries));
    }

    [TestMethod]
    public void Two_rules_for_one_operator_are_refused()
    {
        var family = new Dictionary<string, GradientRule> { ["Tanh"] = _ => { } };
        Assert.ThrowsExactly<ArgumentException>(() => GradientRules.Gather(family, family));
    }

    private static void Check(GradientCase @case, Func<Shape, Shape> generalise, string name)
    {
        var (graph, differentiated, _) = @case.Build(generalise);
        Assert.IsNotEmpty(differentiated, name);
        var random = new Random(7);
        var inputs = @case.Draw(random);
        using var runner = new OrtRunner(graph);
        // The outputs' shapes are known once they have run; any seed will do for that.
        foreach (var seed in graph.Inputs.Where(i => i.Name.StartsWith('r')))
            inputs[seed.Name] = Normal(random, @case.OutputShape(int.Parse(seed.Name[1..]), inputs), @case.Type);
        var results = runner.Run(inputs);
        foreach (var input in differentiated)
        {
            var expected = Differences(@case, runner, inputs, input);
            var actual = results[$"d_{input}"];
            Assert.AreSequenceEqual(inputs[input].Dimensions, actual.Dimensions, $"{name}: the gradient's shape");
            var scale = expected.Max(v => Math.Abs(v)) + 1e-3;
            var worst = expected.Zip(actual.ToDouble(), (e, a) => Math.Abs(e - a) / scale).Max();
            Assert.IsLessThanOrEqualTo(@case.Tolerance, worst, $"{name}: {input} differs by {worst:E2}\nexpected {string.Join(' ', expected.Select(v => v.ToString("G5")))}\nactual   {string.Join(' ', actual.ToDouble().Select(v => v.ToString("G5")))}");
        }
    }

    // Fourth order: (8 (f(x + h) − f(x − h)) − (f(x + 2h) − f(x − 2h))) / 12h.
    private static double[] Differences(GradientCase @case, OrtRunner runner, Dictionary<string, TensorData> inputs, string input)
    {
        var h = @case.Step;
        var at = inputs[input];
        var numbers = at.ToDouble();
        double Objective(int place, double shift)
        {
            var moved = (double[])numbers.Clone();
            moved[place] += shift;
            var results = runner.Run(new Dictionary<string, TensorData>(inputs) { [input] = TensorData.Of(moved, at.Dimensions).ConvertTo(at.Type) });
            var sum = 0.0;
            for (var i = 0; i < @case.Used; i++)
                sum += results[$"y{i}"].ToDouble().Zip(inputs[$"r{i}"].ToDouble(), (y, r) => y * r).Sum();
            return sum;
        }
        return [.. Enumerable.Range(0, numbers.Length).Select(p =>
            (8 * (Objective(p, h) - Objective(p, -h)) - (Objective(p, 2 * h) - Objective(p, -2 * h))) / (12 * h))];
    }

    private static TensorData Normal(Random random, long[] shape, ElementType type) =>
        TensorData.Of(Enumerable.Range(0, (int)shape.Aggregate(1L, (p, d) => p * d)).Select(_ => random.NextDouble() * 2 - 1).ToArray(), [.. shape]).ConvertTo(type);
}
