using Microsoft.ML.OnnxRuntime;
using OnnxPriors.Artifacts;

namespace OnnxPriors.OnDevice;

/// <summary>What the ONNX Runtime that an application carries can do, and whether it can do what a package asks for.</summary>
internal static class DeviceRuntime
{
    /// <summary>The package that brings the ORT Training API; its last release.</summary>
    public const string TrainingPackage = "Microsoft.ML.OnnxRuntime.Training 1.19.2";

    // The first release of ONNX Runtime that runs an opset of the standard operators.
    private static readonly (int Opset, Version Runtime)[] FirstReleases =
        [(18, new(1, 14)), (19, new(1, 15)), (20, new(1, 17)), (21, new(1, 18)), (22, new(1, 20)), (23, new(1, 22)), (24, new(1, 23)), (26, new(1, 25)), (28, new(1, 32))];

    /// <summary>The version of the native library.</summary>
    public static string Version => OrtEnv.Instance().GetVersionString();

    /// <summary>Refuses a package that the native library cannot run, before any of its models is loaded.</summary>
    public static void Check(Manifest manifest, string folder)
    {
        if (System.Version.TryParse(Version, out var found) && FirstReleases.FirstOrDefault(r => r.Opset >= manifest.Opset) is { Runtime: { } needed } && found < needed)
            throw new OnDeviceException($"'{folder}' is of opset {manifest.Opset} (IR {manifest.IrVersion}), which ONNX Runtime {needed} and later run; this application carries {Version}. Update Microsoft.ML.OnnxRuntime.");
    }

    /// <summary>Whether the native library holds the ORT Training API.</summary>
    public static bool HasTrainingApi { get; } = Probe();

    private static bool Probe()
    {
        try
        {
            // Fails in the managed layer where the native one has no training functions; otherwise for want of the file.
            using var none = CheckpointState.LoadCheckpoint(Path.Combine(AppContext.BaseDirectory, "no-such-checkpoint"));
            return true;
        }
        catch (OnnxRuntimeException)
        {
            return true;
        }
        catch (Exception e) when (e is InvalidOperationException or TypeInitializationException or EntryPointNotFoundException or NotSupportedException or NullReferenceException)
        {
            return false;
        }
    }
}
