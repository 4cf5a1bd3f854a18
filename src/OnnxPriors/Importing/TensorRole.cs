using OnnxPriors.Graphs;

namespace OnnxPriors.Importing;

/// <summary>What a float tensor of a model is in training.</summary>
public enum TensorUse
{
    /// <summary>Trains.</summary>
    Trainable,

    /// <summary>Could train, but is not selected.</summary>
    Frozen,

    /// <summary>A number of a formula, or nothing depends on it differentiably.</summary>
    Constant,

    /// <summary>A running statistic of BatchNormalization.</summary>
    Buffer,
}

/// <summary>The part of a model that a tensor belongs to.</summary>
public enum ModelPart
{
    /// <summary>Up to the features.</summary>
    Features,

    /// <summary>Behind the features.</summary>
    Head,
}

/// <summary>A float tensor with its role.</summary>
/// <param name="Tensor">The tensor, a parameter of the imported graph; its name is the file's.</param>
/// <param name="Use">What it is in training.</param>
/// <param name="Part">The part it belongs to.</param>
/// <param name="Reason">Why.</param>
public sealed record TensorRole(Value Tensor, TensorUse Use, ModelPart Part, string Reason)
{
    /// <summary>The tensor's name.</summary>
    public string Name => Tensor.Name;

    /// <summary>The number of its elements.</summary>
    public long Count => Tensor.Data!.Count;
}
