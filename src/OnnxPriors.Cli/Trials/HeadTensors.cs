using OnnxPriors.Importing;
using OnnxPriors.Onnx;
using OnnxPriors.Runtime.Steps;

namespace OnnxPriors.Cli.Trials;

/// <summary>What a head begins with, by tensor: a step is baked with one, and each run begins with its own.</summary>
/// <param name="Values">The values of each tensor.</param>
internal sealed record HeadTensors(IReadOnlyDictionary<string, float[]> Values)
{
    /// <summary>The fresh head that a seed draws.</summary>
    /// <param name="model">The pretrained model.</param>
    /// <param name="options">How it is imported, the seed included.</param>
    public static HeadTensors Fresh(Model model, ImportOptions options) => new(ModelImporter.Import(model, options with { Train = "head" }).Tensors
        .Where(tensor => tensor.Part == ModelPart.Head && tensor.Use == TensorUse.Trainable)
        .ToDictionary(tensor => tensor.Name, tensor => tensor.Tensor.Data!.Span<float>().ToArray(), StringComparer.Ordinal));

    /// <summary>The head of a state.</summary>
    /// <param name="session">The step that the state is of.</param>
    /// <param name="state">The state.</param>
    public static HeadTensors Of(StepSession session, EvalState state) => new(session.Manifest.Parameters
        .Where(parameter => parameter.Role == "head")
        .ToDictionary(parameter => parameter.Name, parameter => state.ParameterValues.Slice((int)parameter.Offset, (int)parameter.Count).ToArray(), StringComparer.Ordinal));

    /// <summary>Puts the head into a session's current state.</summary>
    public void SetIn(StepSession session)
    {
        foreach (var (name, values) in Values)
            values.CopyTo(session.Parameters[(int)session.Layout[name].Offset..]);
    }
}
