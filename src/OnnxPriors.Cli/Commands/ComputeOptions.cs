using System.CommandLine;
using OnnxPriors.Runtime.Steps;
using static OnnxPriors.Cli.Commands.Steps.TrainingChoices;

namespace OnnxPriors.Cli.Commands;

/// <summary>What ONNX Runtime computes on: <c>--provider</c>, <c>--device</c> and <c>--threads</c>, the same in every verb that trains or measures.</summary>
internal sealed class ComputeOptions
{
    private readonly Option<string> provider = Option("--provider", "What computes: cpu or cuda.", "cpu");
    private readonly Option<int> device = Option("--device", "The GPU's number.", 0);
    private readonly Option<int> threads = Option("--threads", "Threads that compute; 0 takes one a core.", 0);

    /// <summary>Declares the options.</summary>
    public void AddTo(Command command)
    {
        command.Add(provider);
        command.Add(device);
        command.Add(threads);
    }

    /// <summary>The options as given.</summary>
    public StepOptions Read(ParseResult given) => new()
    {
        Provider = Provider(given.GetValue(provider)!),
        Device = given.GetValue(device),
        Threads = given.GetValue(threads),
    };
}
