namespace OnnxPriors.Artifacts.OrtTraining;

/// <summary>The names of a package's files for the ORT Training API.</summary>
public static class OrtTrainingFiles
{
    /// <summary>Batch, parameters and gradient buffers in; loss and logits out.</summary>
    public const string Training = "training_model.onnx";

    /// <summary>Batch and parameters in; loss and logits out.</summary>
    public const string Eval = "eval_model.onnx";

    /// <summary>Learning rate, step, parameters, gradients and moments in; a flag out.</summary>
    public const string Optimizer = "optimizer_model.onnx";

    /// <summary>The parameters, the frozen tensors and the prior.</summary>
    public const string Checkpoint = "checkpoint";

    /// <summary>Tensors of a checkpoint that passes two gigabytes.</summary>
    public const string CheckpointData = "checkpoint.data";

    /// <summary>The model as it is before any training, parameters inside: examples in, logits out.</summary>
    public const string Inference = "inference_model.onnx";

    internal static readonly string[] All = [Training, Eval, Optimizer, Checkpoint, CheckpointData, Inference];
}
