namespace OnnxPriors.OnDevice;

/// <summary>What trains a package. Both give the same results: the training session of the ORT Training API, and the step on any ONNX Runtime.</summary>
internal interface IDeviceBackend : IDisposable
{
    /// <summary>What it is, for people.</summary>
    string Name { get; }

    /// <summary>One update.</summary>
    /// <param name="batch">The batch, its labels checked.</param>
    /// <param name="options">How to train.</param>
    /// <param name="step">The update's number, from 1.</param>
    DeviceStep Step(DeviceBatch batch, DeviceTrainingOptions options, long step);

    /// <summary>The logits [batch, C] of examples.</summary>
    float[] Logits(float[] inputs, long[] shape);

    /// <summary>Reads the flat state [P]; gaps are left as they are.</summary>
    void ReadParameters(Span<float> theta);

    /// <summary>Saves all that a later session needs to go on, in the backend's own form.</summary>
    void SaveState(string path);
}

/// <summary>Which backend trains.</summary>
public enum DeviceBackend
{
    /// <summary>The ORT Training API where package and native library have it, else the step.</summary>
    Automatic,

    /// <summary>The ORT Training API, or a refusal.</summary>
    TrainingApi,

    /// <summary>The step, or a refusal.</summary>
    Step,
}
