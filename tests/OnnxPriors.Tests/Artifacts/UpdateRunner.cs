using Microsoft.ML.OnnxRuntime;
using OnnxPriors.Artifacts;
using OnnxPriors.Graphs;
using OnnxPriors.Onnx;
using OnnxPriors.Optimizers;
using OnnxPriors.Priors;

namespace OnnxPriors.Tests.Artifacts;

/// <summary>An update model under the real ONNX Runtime, with the state carried from run to run.</summary>
internal sealed class UpdateRunner : IDisposable
{
    private readonly InferenceSession _session;
    private readonly Optimizer _optimizer;
    private readonly RunOptions _options = new();
    private readonly Dictionary<string, (float[] Values, long[] Shape)> _inputs = [];

    public UpdateRunner(Optimizer optimizer, int? priorRank, int length, bool exposeNoise = true, PriorStep step = PriorStep.Plain, bool learnsScale = false)
    {
        _optimizer = optimizer;
        var model = UpdateModel.Build(optimizer, priorRank, step, learnsScale);
        using var options = new SessionOptions { IntraOpNumThreads = 2, LogSeverityLevel = OrtLoggingLevel.ORT_LOGGING_LEVEL_ERROR };
        _session = new InferenceSession(OnnxFile.ToBytes(exposeNoise ? WithNoiseAsInput(model) : model), options);
        Length = length;
        foreach (var name in (string[])["theta", "gradient", .. optimizer.States])
            Set(name, new float[length], length);
        Set("clip_norm", 0);
    }

    public int Length { get; }

    public IReadOnlyList<string> InputNames => _session.InputNames;

    public IReadOnlyList<string> OutputNames => _session.OutputNames;

    public float[] Theta => _inputs["theta"].Values;

    public void Set(string name, float value) => _inputs[name] = ([value], []);

    public void Set(string name, float[] values, params long[] shape) => _inputs[name] = (values, shape.Length == 0 ? [Length] : shape);

    public float[] Get(string name) => _inputs[name].Values;

    /// <summary>Runs once; θ and the states move on. Returns all outputs.</summary>
    public Dictionary<string, float[]> Step()
    {
        var values = _session.InputNames.Select(name => OrtValue.CreateTensorValueFromMemory(_inputs[name].Values, _inputs[name].Shape)).ToList();
        try
        {
            using var results = _session.Run(_options, _session.InputNames, values, _session.OutputNames);
            var outputs = _session.OutputNames.Zip(results, (name, value) => (name, value.GetTensorDataAsSpan<float>().ToArray())).ToDictionary();
            foreach (var name in (string[])["theta", .. _optimizer.States])
                Set(name, outputs[name + "_next"]);
            return outputs;
        }
        finally
        {
            values.ForEach(value => value.Dispose());
        }
    }

    public void Dispose()
    {
        _session.Dispose();
        _options.Dispose();
    }

    /// <summary>The model with its noise node replaced by an input, as hosts do that must repeat a chain.</summary>
    private static Model WithNoiseAsInput(Model model)
    {
        if (model.Graph.Nodes.FirstOrDefault(node => node.Name == "noise") is not { } noise)
            return model;
        Assert.AreEqual("RandomNormalLike", noise.Op);
        var builder = new GraphBuilder();
        var map = model.Graph.Inputs.ToDictionary(input => input, input => builder.Input(input.Name, input.Type, input.Shape));
        map[noise.Outputs[0]!] = builder.Input("noise", ElementType.Float, noise.Outputs[0]!.Shape);
        foreach (var node in model.Graph.Nodes.Where(node => node != noise))
            builder.Copy(node, map);
        return model with { Graph = builder.Build(model.Graph.Outputs.Select(output => (output.Name, map[output]))) };
    }
}
