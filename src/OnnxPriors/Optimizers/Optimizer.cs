using System.Collections.Immutable;
using OnnxPriors.Graphs;

namespace OnnxPriors.Optimizers;

/// <summary>
/// An update rule on the flat state, as a piece of graph. Each rule is one file: formula and paper at its top, its states and scalars
/// named, one method that writes the formula. The gradient it is given is that of mean loss + prior weight · prior energy, clipping done.
/// </summary>
public abstract record Optimizer
{
    /// <summary>The rule's name: <c>sgd</c>, <c>adamw</c>, <c>sgld</c> or <c>sghmc</c>.</summary>
    public abstract string Name { get; }

    /// <summary>The names of its flat states [P], zero at the start.</summary>
    public virtual ImmutableArray<string> States => [];

    /// <summary>The names of its scalar inputs beside the learning rate.</summary>
    public virtual ImmutableArray<string> Scalars => [];

    /// <summary>What is fixed in the graph, by name.</summary>
    public virtual ImmutableSortedDictionary<string, double> Hyperparameters => ImmutableSortedDictionary<string, double>.Empty;

    /// <summary>Adds one update to a graph.</summary>
    /// <param name="b">The graph.</param>
    /// <param name="step">What the update starts from.</param>
    /// <returns>The next θ and states.</returns>
    public abstract UpdateResult Apply(GraphBuilder b, UpdateStep step);

    /// <summary>The rule of a name with its default hyperparameters.</summary>
    /// <param name="name">One of <c>sgd</c>, <c>adamw</c>, <c>sgld</c>, <c>sghmc</c>.</param>
    /// <returns>The rule, or null where there is none of that name.</returns>
    public static Optimizer? Find(string name) => name switch
    {
        "sgd" => new Sgd(),
        "adamw" => new AdamW(),
        "sgld" => new Sgld(),
        "sghmc" => new Sghmc(),
        _ => null,
    };
}

/// <summary>What an update starts from.</summary>
/// <param name="Theta">θ [P].</param>
/// <param name="Gradient">g [P].</param>
/// <param name="LearningRate">η [].</param>
/// <param name="States">The states [P] in the order of <see cref="Optimizer.States"/>.</param>
/// <param name="Scalars">The scalars [] in the order of <see cref="Optimizer.Scalars"/>.</param>
public sealed record UpdateStep(Value Theta, Value Gradient, Value LearningRate, ImmutableArray<Value> States, ImmutableArray<Value> Scalars);

/// <summary>What an update gives.</summary>
/// <param name="Theta">The next θ [P].</param>
/// <param name="States">The next states [P] in their order.</param>
public sealed record UpdateResult(Value Theta, ImmutableArray<Value> States);
