namespace OnnxPriors.Artifacts;

/// <summary>The names of the files in a step folder.</summary>
public static class StepFiles
{
    /// <summary>What the folder is.</summary>
    public const string Manifest = "manifest.json";

    /// <summary>Batch and parameters in, loss and gradients out.</summary>
    public const string Gradient = "gradient.onnx";

    /// <summary>Batch and parameters in, logits out.</summary>
    public const string Eval = "eval.onnx";

    /// <summary>Flat state, gradient, prior and scalars in, next state out.</summary>
    public const string Update = "update.onnx";

    /// <summary>A batch in, out what the step takes in its place; absent where the step takes the model's own inputs.</summary>
    public const string Features = "features.onnx";

    /// <summary>Flat state in, a draw around it out, where the prior's scale is learned.</summary>
    public const string Perturb = "perturb.onnx";

    /// <summary>The initial parameters θ [P], float32 little-endian.</summary>
    public const string Parameters = "parameters.bin";

    /// <summary>μ [P], a [P] and B [K, P] one after the other, for the proximal step μ, D [P] and W [K, P]; absent where there is no prior.</summary>
    public const string Prior = "prior.bin";

    /// <summary>The initial running statistics; absent where none are trained.</summary>
    public const string Buffers = "buffers.bin";

    /// <summary>Tensors that do not train, which the gradient and the eval model share; absent where they are small enough to stand in both.</summary>
    public const string Frozen = "frozen.bin";

    /// <summary>The optimizer's states [P] to begin with, one after the other; absent where they begin at zero.</summary>
    public const string States = "states.bin";

    internal static readonly string[] All = [Manifest, Gradient, Eval, Update, Features, Perturb, Parameters, Prior, Buffers, Frozen, States];
}
