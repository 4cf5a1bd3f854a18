using Microsoft.ML.OnnxRuntime;
using OnnxPriors.Artifacts;

namespace OnnxPriors.Runtime.Steps;

/// <summary>Creates ONNX Runtime sessions with the options of a step, and turns the runtime's errors into ones that say what to do.</summary>
internal static class SessionFactory
{
    private const string CudaProvider = "CUDAExecutionProvider";

    /// <summary>The newest opset of the default domain that ONNX Runtime 1.31 runs, the oldest native library the managed one accepts.</summary>
    private const int NewestOpset = 26;

    /// <summary>The version of the native library found.</summary>
    public static string RuntimeVersion => OrtEnv.Instance().GetVersionString();

    /// <summary>Refuses a step whose models the runtime found cannot know.</summary>
    public static void CheckVersions(Manifest manifest, string folder)
    {
        if (manifest.Opset > NewestOpset && Version.TryParse(RuntimeVersion, out var found) && found < new Version(1, 32))
            throw new StepException(
                $"The step in '{folder}' is of opset {manifest.Opset} (IR {manifest.IrVersion}), and ONNX Runtime {RuntimeVersion} runs up to opset {NewestOpset}; bake it again with this version of the tool.");
    }

    /// <summary>Opens a model of a file.</summary>
    public static InferenceSession Open(string path, StepOptions options) => Open(path, options, session => new InferenceSession(Path.GetFullPath(path), session));

    /// <summary>Opens a model that was changed in memory.</summary>
    public static InferenceSession Open(byte[] model, string path, StepOptions options) =>
        Open(path, options, session => new InferenceSession(model, session));

    private static InferenceSession Open(string path, StepOptions options, Func<SessionOptions, InferenceSession> open)
    {
        using var session = new SessionOptions
        {
            IntraOpNumThreads = options.Threads,
            InterOpNumThreads = 1,
            ExecutionMode = ExecutionMode.ORT_SEQUENTIAL,
            // A planned block would stand beside what the first run took in pieces: half as much again in all.
            EnableMemoryPattern = options.Provider == Provider.Cuda,
            GraphOptimizationLevel = GraphOptimizationLevel.ORT_ENABLE_ALL,
            // What fails comes as an exception; the runtime need not write it to the standard error too.
            LogSeverityLevel = OrtLoggingLevel.ORT_LOGGING_LEVEL_FATAL,
        };
        // Three sessions take turns: the threads of one must not spin while another works.
        session.AddSessionConfigEntry("session.force_spinning_stop", "1");
        if (options.Provider == Provider.Cuda)
            AppendCuda(session, options.Device);
        if (options.ProfilePrefix is { } prefix)
            (session.EnableProfiling, session.ProfileOutputPathPrefix) = (true, $"{prefix}-{Path.GetFileNameWithoutExtension(path)}");
        try
        {
            return open(session);
        }
        catch (OnnxRuntimeException error)
        {
            throw new StepException($"ONNX Runtime {RuntimeVersion} cannot load '{path}': {error.Message.TrimEnd('.')}. If it was cut short or changed, make or copy it again.", error);
        }
    }

    private static void AppendCuda(SessionOptions session, int device)
    {
        if (!OrtEnv.Instance().GetAvailableProviders().Contains(CudaProvider))
            throw new StepException(
                $"The provider cuda was asked for, but this build carries ONNX Runtime {RuntimeVersion} without CUDA; build with -p:OrtRuntime=Gpu, or use the provider cpu.");
        try
        {
            session.AppendExecutionProvider_CUDA(device);
        }
        catch (OnnxRuntimeException error)
        {
            throw new StepException(
                $"The CUDA provider cannot start on device {device}: {error.Message} Check the driver, CUDA and cuDNN, or use the provider cpu.", error);
        }
    }
}
