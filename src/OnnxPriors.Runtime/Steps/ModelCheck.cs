using Microsoft.ML.OnnxRuntime;

namespace OnnxPriors.Runtime.Steps;

/// <summary>Compares a model with its manifest and words the runtime's errors.</summary>
internal static class ModelCheck
{
    /// <summary>Refuses a model whose inputs or outputs are not the ones the manifest names.</summary>
    public static void Names(string file, string kind, IReadOnlyList<string> found, IReadOnlyCollection<string> expected)
    {
        var missing = expected.Except(found).ToList();
        if (missing.Count > 0)
            throw new StepException($"'{file}' has no {kind} '{missing[0]}' ({missing.Count} are missing), which its manifest names; bake the step again.");
        if (kind == "output")
            return;
        var unknown = found.Except(expected).ToList();
        if (unknown.Count > 0)
            throw new StepException($"'{file}' wants an {kind} '{unknown[0]}' that its manifest does not name; bake the step again.");
    }

    /// <summary>Runs a model on what is bound, and waits until inputs have reached the device and outputs have come back.</summary>
    public static void Run(string file, InferenceSession session, RunOptions options, OrtIoBinding binding) => Run(file, () =>
    {
        binding.SynchronizeBoundInputs();
        session.RunWithBinding(options, binding);
        binding.SynchronizeBoundOutputs();
    });

    /// <summary>Runs a model; an error of the runtime names the file.</summary>
    public static void Run(string file, Action run)
    {
        try
        {
            run();
        }
        catch (OnnxRuntimeException error)
        {
            throw new StepException($"ONNX Runtime {SessionFactory.RuntimeVersion} failed in '{file}': {error.Message}", error);
        }
    }
}
