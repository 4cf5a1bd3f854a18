namespace OnnxPriors.OnDevice;

/// <summary>Examples to train on.</summary>
/// <param name="Inputs">The preprocessed examples, row by row, as the model's one input takes them.</param>
/// <param name="Shape">Their shape, such as [batch, channels, height, width].</param>
/// <param name="Labels">The class of each example, 0 … C − 1; [batch].</param>
public sealed record DeviceBatch(float[] Inputs, long[] Shape, long[] Labels);

/// <summary>What one step did.</summary>
/// <param name="Step">The step's number, from 1.</param>
/// <param name="Loss">The mean cross-entropy of the batch before the step, in nats.</param>
/// <param name="PriorEnergy">½(Σ aδ² − ‖Bᵀδ‖²) before the step; 0 without a prior.</param>
/// <param name="GradientNorm">The norm of the data gradient.</param>
public sealed record DeviceStep(long Step, float Loss, float PriorEnergy, float GradientNorm);

/// <summary>How to train on the device.</summary>
public sealed record DeviceTrainingOptions
{
    /// <summary>The learning rate η.</summary>
    public float LearningRate { get; init; } = 0.01f;

    /// <summary>The momentum of SGD, 0 … 1.</summary>
    public float Momentum { get; init; } = 0.9f;

    /// <summary>The norm that the data gradient is clipped to; 0 for no clipping.</summary>
    public float ClipNorm { get; init; }

    /// <summary>The weight of the prior's energy beside the mean loss: 1 over the number of training examples.</summary>
    public required float PriorWeight { get; init; }
}
