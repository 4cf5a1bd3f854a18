using OnnxPriors.Graphs;

namespace OnnxPriors.Artifacts;

/// <summary>An eval model: the model's inputs and every tensor that training changes in, the class scores out.</summary>
public static class EvalModel
{
    /// <summary>Makes the eval model of a graph. BatchNormalization takes its running statistics, those that training updates from inputs.</summary>
    /// <param name="graph">A canonical graph.</param>
    /// <param name="trained">The parameters that train, as the gradient model has them.</param>
    /// <param name="mode">What BatchNormalization normalises by in training.</param>
    /// <param name="values">Other contents for parameters that do not train: what a fit found.</param>
    /// <returns>The graph; its outputs have the names that the gradient model gives them under cross-entropy.</returns>
    /// <exception cref="ArtifactException">A trained tensor is no parameter of the graph.</exception>
    public static Graph Build(
        Graph graph,
        IReadOnlyList<Value> trained,
        BatchNormalizationMode mode = BatchNormalizationMode.Frozen,
        IReadOnlyDictionary<Value, TensorData>? values = null)
    {
        ArgumentNullException.ThrowIfNull(graph);
        ArgumentNullException.ThrowIfNull(trained);
        var copy = new TrainableCopy(graph, trained, mode, values);
        var names = new OutputNames(copy.Builder.Inputs.Select(i => i.Name).Concat(graph.Parameters.Select(p => p.Name)));
        var outputs = copy.CopyNodes(forTraining: false);
        return copy.Builder.Build(outputs.Select(o => (names.Take(outputs.Length == 1 ? GradientModel.LogitsName : o.Name), o.Value)).ToArray(), "eval");
    }
}
