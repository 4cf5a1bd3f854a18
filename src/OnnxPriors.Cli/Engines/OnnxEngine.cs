using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.OnnxRuntime.Tensors;
using OnnxPriors.Graphs;
using OnnxPriors.Onnx;

namespace OnnxPriors.Cli.Engines;

/// <summary>A model under ONNX Runtime, from tensors to tensors.</summary>
internal sealed class OnnxEngine : IDisposable
{
    private readonly InferenceSession session;

    private OnnxEngine(InferenceSession session) => this.session = session;

    public IReadOnlyList<string> Inputs => session.InputNames;

    public IReadOnlyList<string> Outputs => session.OutputNames;

    /// <summary>Opens a file as it stands.</summary>
    /// <exception cref="OnnxRuntimeException">The runtime cannot load it.</exception>
    public static OnnxEngine OpenFile(string path)
    {
        using var options = Options();
        return new(new InferenceSession(path, options));
    }

    /// <summary>Opens a graph made here. Where it passes protobuf's limit it goes through a file in the temporary folder.</summary>
    /// <exception cref="OnnxRuntimeException">The runtime cannot load it.</exception>
    public static OnnxEngine Open(Model model)
    {
        if (model.Graph.Initializers.Sum(v => v.Data!.Length) < 1_500_000_000)
            return Open(OnnxFile.ToBytes(model));
        var folder = Directory.CreateTempSubdirectory("onnxpriors");
        try
        {
            var path = Path.Combine(folder.FullName, "model.onnx");
            OnnxFile.Save(model, path);
            return OpenFile(path);
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    /// <summary>Opens the bytes of a file.</summary>
    /// <exception cref="OnnxRuntimeException">The runtime cannot load them.</exception>
    public static OnnxEngine Open(byte[] model)
    {
        using var options = Options();
        return new(new InferenceSession(model, options));
    }

    /// <summary>Runs the model; inputs it does not take are passed over.</summary>
    public IReadOnlyDictionary<string, TensorData> Run(IReadOnlyDictionary<string, TensorData> inputs, CancellationToken cancellation = default)
    {
        using var run = new RunOptions();
        using var registration = cancellation.Register(() => run.Terminate = true);
        var pins = new List<System.Buffers.MemoryHandle>();
        var values = new List<OrtValue>();
        try
        {
            var names = session.InputNames.Where(inputs.ContainsKey).ToList();
            foreach (var name in names)
                values.Add(Value(inputs[name], pins));
            using var results = session.Run(run, names, values, session.OutputNames);
            return session.OutputNames.Zip(results, (name, value) => (name, Data: Read(name, value))).ToDictionary(p => p.name, p => p.Data);
        }
        catch (OnnxRuntimeException) when (cancellation.IsCancellationRequested)
        {
            throw new OperationCanceledException(cancellation);
        }
        finally
        {
            values.ForEach(v => v.Dispose());
            pins.ForEach(p => p.Dispose());
        }
    }

    public void Dispose() => session.Dispose();

    // What fails comes as an exception; the runtime need not write it to the standard error too.
    private static SessionOptions Options() => new() { LogSeverityLevel = OrtLoggingLevel.ORT_LOGGING_LEVEL_FATAL };

    private static unsafe OrtValue Value(TensorData tensor, List<System.Buffers.MemoryHandle> pins)
    {
        var pin = tensor.Bytes.Pin();
        pins.Add(pin);
        return OrtValue.CreateTensorValueWithData(
            OrtMemoryInfo.DefaultInstance, (TensorElementType)(int)tensor.Type, [.. tensor.Dimensions], (nint)pin.Pointer, tensor.Bytes.Length);
    }

    private static TensorData Read(string name, OrtValue value)
    {
        if (!value.IsTensor)
            throw new EngineException($"The output '{name}' is no tensor; only models whose outputs are tensors can be run here.");
        var info = value.GetTensorTypeAndShape();
        return new((ElementType)(int)info.ElementDataType, [.. info.Shape], value.GetTensorMutableRawData().ToArray());
    }
}
