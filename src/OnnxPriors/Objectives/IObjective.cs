using System.Collections.Immutable;
using OnnxPriors.Graphs;

namespace OnnxPriors.Objectives;

/// <summary>What training makes small: a scalar of a graph's outputs and of inputs of its own, with its gradient for the outputs in closed form.</summary>
public interface IObjective
{
    /// <summary>The objective's name, as manifests write it.</summary>
    string Name { get; }

    /// <summary>Adds the objective to a graph.</summary>
    /// <param name="b">The builder that holds the forward nodes.</param>
    /// <param name="outputs">The graph's outputs with their names.</param>
    /// <exception cref="ObjectiveException">The outputs are not of the kind the objective needs.</exception>
    ObjectiveTerm Add(GraphBuilder b, IReadOnlyList<(string Name, Value Value)> outputs);
}

/// <summary>An objective in a graph.</summary>
/// <param name="Loss">Its value, a scalar [].</param>
/// <param name="Seeds">The gradient of each output that it depends on.</param>
/// <param name="Inputs">The inputs it added.</param>
public sealed record ObjectiveTerm(Value Loss, ImmutableArray<(Value Output, Value Seed)> Seeds, ImmutableArray<Value> Inputs);
