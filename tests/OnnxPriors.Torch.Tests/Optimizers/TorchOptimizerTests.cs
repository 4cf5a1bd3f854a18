using Microsoft.ML.OnnxRuntime;
using OnnxPriors.Artifacts;
using OnnxPriors.Onnx;
using static TorchSharp.torch;
using AdamW = OnnxPriors.Optimizers.AdamW;
using Optimizer = OnnxPriors.Optimizers.Optimizer;
using Parameter = TorchSharp.Modules.Parameter;
using Sgd = OnnxPriors.Optimizers.Sgd;

namespace OnnxPriors.Torch.Tests.Optimizers;

/// <summary>The update model under ONNX Runtime against TorchSharp's own optimizers, over 100 steps from the same start.</summary>
[TestClass]
public sealed class TorchOptimizerTests
{
    private const int Length = 256;
    private const int Steps = 100;

    /// <summary>Relative, in norm, after 100 steps of float32 on both sides.</summary>
    private const double Tolerance = 1e-4;

    [TestMethod]
    [DataRow(false, 0f)]
    [DataRow(true, 0f)]
    [DataRow(true, 2f)]
    public void Sgd_with_momentum_follows_TorchSharps(bool nesterov, float clipNorm) => Compare(
        new Sgd { Nesterov = nesterov }, clipNorm, new() { ["learning_rate"] = 0.02f, ["momentum"] = 0.9f },
        parameter => optim.SGD([parameter], 0.02, momentum: 0.9, nesterov: nesterov));

    [TestMethod]
    [DataRow(0.0, 0f)]
    [DataRow(0.1, 0f)]
    [DataRow(0.0, 2f)]
    public void AdamW_follows_TorchSharps(double decay, float clipNorm) => Compare(
        new AdamW { WeightDecay = decay }, clipNorm, new() { ["learning_rate"] = 0.01f },
        parameter => optim.AdamW([parameter], 0.01, weight_decay: decay));

    private static void Compare(Optimizer optimizer, float clipNorm, Dictionary<string, float> scalars, Func<Parameter, optim.Optimizer> reference)
    {
        using var scope = NewDisposeScope();
        var generator = new Generator(1);
        var start = randn([Length], generator: generator);
        var curvature = randn([Length], generator: generator).exp();
        var parameter = new Parameter(start.clone());
        using var torchOptimizer = reference(parameter);

        using var session = new InferenceSession(OnnxFile.ToBytes(UpdateModel.Build(optimizer, null)));
        var state = new Dictionary<string, float[]> { ["theta"] = start.data<float>().ToArray() };
        foreach (var name in optimizer.States)
            state[name] = new float[Length];
        scalars["clip_norm"] = clipNorm;

        for (var step = 1; step <= Steps; step++)
        {
            torchOptimizer.zero_grad();
            Loss(parameter, curvature).backward();
            if (clipNorm > 0)
                nn.utils.clip_grad_norm_([parameter], clipNorm);
            torchOptimizer.step();

            var theta = new Parameter(tensor(state["theta"]));
            Loss(theta, curvature).backward();
            state["gradient"] = theta.grad!.data<float>().ToArray();
            scalars["step"] = step;
            Run(session, state, scalars);
        }
        var expected = parameter.detach();
        var distance = (tensor(state["theta"]) - expected).norm() / expected.norm();
        Assert.IsLessThan(Tolerance, distance.item<float>());
        Assert.IsGreaterThan(0.05f, ((expected - start).norm() / start.norm()).item<float>(), "the steps moved somewhere");
    }

    /// <summary>A curved and bumpy function, so that gradients change from step to step.</summary>
    private static Tensor Loss(Tensor x, Tensor curvature) => (curvature * (x - 0.3).square() / 2 - (3 * x).cos() / 6).sum();

    private static void Run(InferenceSession session, Dictionary<string, float[]> state, Dictionary<string, float> scalars)
    {
        var inputs = session.InputNames.Select(name => state.TryGetValue(name, out var flat)
            ? OrtValue.CreateTensorValueFromMemory(flat, [Length])
            : OrtValue.CreateTensorValueFromMemory([scalars[name]], [])).ToList();
        try
        {
            using var options = new RunOptions();
            using var outputs = session.Run(options, session.InputNames, inputs, session.OutputNames);
            for (var i = 0; i < session.OutputNames.Count; i++)
                if (session.OutputNames[i].EndsWith("_next", StringComparison.Ordinal))
                    state[session.OutputNames[i][..^"_next".Length]] = outputs[i].GetTensorDataAsSpan<float>().ToArray();
        }
        finally
        {
            inputs.ForEach(value => value.Dispose());
        }
    }
}
