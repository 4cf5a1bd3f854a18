using OnnxPriors.Catalogue;
using OnnxPriors.Gradients;
using OnnxPriors.Graphs;
using OnnxPriors.Graphs.Inference;
using OnnxPriors.Importing;
using OnnxPriors.Normalization.Passes;
using OnnxPriors.Normalization.Upgrades;
using OnnxPriors.Onnx;

namespace OnnxPriors.Tests.Catalogue;

/// <summary>Skips a test, with the reason, where ONNX's own cases are absent.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class RequiresCasesAttribute : ConditionBaseAttribute
{
    public RequiresCasesAttribute() : base(ConditionMode.Include) =>
        IgnoreMessage = "ONNX's node tests (Debian's package libonnx-testdata) are not on this machine.";

    public override string GroupName => "RequiresCases";

    public override bool IsConditionMet => Directory.Exists(OperatorCatalogueTests.Cases);
}

/// <summary>What the catalogue says is what happens, tried on ONNX's own cases where they are installed.</summary>
[TestClass]
public sealed class OperatorCatalogueTests
{
    public const string Cases = "/usr/share/libonnx-testdata/data/node";

    private static readonly Dictionary<string, OperatorSupport> Catalogue = OperatorCatalogue.List([.. ShapeInference.Operators])
        .ToDictionary(o => o.Domain == "ai.onnx" ? o.Operator : $"{o.Domain}.{o.Operator}", StringComparer.Ordinal);

    [TestMethod]
    public void Every_operator_that_a_table_knows_stands_in_the_catalogue()
    {
        Assert.IsEmpty(ShapeInference.Operators.Concat(UpgradeTables.All.Select(r => r.Op)).Except(Catalogue.Keys));
        Assert.IsEmpty(GradientRules.Operators.Select(o => o.Op).Where(op => !Catalogue[op].Gradient));
        Assert.IsEmpty(GradientRules.ZeroOperators.Select(o => o.Op).Where(op => Catalogue[op].Gradient));
    }

    [TestMethod]
    public void Every_operator_with_a_remark_is_one() =>
        Assert.IsEmpty(Restrictions.Operators.Concat(Restrictions.WithoutDerivative).Except(Catalogue.Keys));

    [TestMethod]
    public void The_specification_is_there_as_its_newest_opset_has_it()
    {
        var standard = SpecificationOperator.All.Where(o => o.Domain.Length == 0).ToList();
        Assert.HasCount(203, standard);
        Assert.AreEqual(28, standard.Max(o => o.Versions.Max()));
        Assert.AreEqual("7-28", Catalogue["Sin"].Opsets);
        Assert.AreEqual("9-10", Catalogue["Scatter"].Opsets);
        Assert.AreEqual("28", Catalogue["SwiGLU"].Opsets);
    }

    [TestMethod]
    [RequiresCases]
    public void ONNXs_own_cases_are_imported_and_differentiated_as_the_catalogue_says()
    {
        var imported = new HashSet<string>(StringComparer.Ordinal);
        var differentiated = new HashSet<string>(StringComparer.Ordinal);
        foreach (var path in Directory.EnumerateFiles(Cases, "model.onnx", SearchOption.AllDirectories))
        {
            if (Try(path) is not { } result)
                continue;
            imported.Add(result.Op);
            if (result.HasGradient)
                differentiated.Add(result.Op);
        }
        Assert.IsGreaterThan(120, imported.Count);
        Assert.AreEqual("", string.Join(", ", imported.Where(op => !Catalogue[op].Forward)));
        Assert.AreEqual("", string.Join(", ", differentiated.Where(op => !Catalogue[op].Gradient)));
        // Operators whose cases give them nothing to differentiate: other types than real numbers, or a constant.
        string[] integers = ["ConcatFromSequence", "Optional", "OptionalGetElement", "SequenceAt", "SequenceConstruct", "SequenceErase", "SequenceInsert", "SequenceMap", "SplitToSequence", "Trilu"];
        // Quantised ones have their derivative in the graph that is to train, not in that of the file.
        Assert.AreEqual("", string.Join(", ", imported.Where(op => Catalogue[op].Gradient && !differentiated.Contains(op)).Except(integers).Except(FloatQuantised.Operators)));
    }

    // The operator of a case of one node, and whether its outputs change with its real inputs by rules.
    private static (string Op, bool HasGradient)? Try(string path)
    {
        try
        {
            var model = OnnxFile.Load(path);
            if (model.Graph.Nodes is not [var node])
                return null;
            var graph = ModelImporter.Import(model).Graph;
            var b = new GraphBuilder();
            var map = new Dictionary<Value, Value>();
            foreach (var input in graph.Inputs)
                map[input] = b.Input(input.Name, input.Type, input.Shape);
            var outputs = b.Inline(graph, map);
            Value[] wanted = [.. b.Inputs.Where(i => i.Type.IsFloating())];
            try
            {
                var seeds = outputs.Where(o => o.Type.IsFloating()).Select(o => (o, b.Input("seed", o.Type, o.Shape))).ToList();
                return (node.Op, seeds.Count > 0 && wanted.Length > 0 && ReverseSweep.Run(b, seeds, wanted).Any(g => g is not null));
            }
            catch (GradientException)
            {
                return (node.Op, false);
            }
        }
        catch (OnnxPriorsException)
        {
            return null;
        }
    }
}
