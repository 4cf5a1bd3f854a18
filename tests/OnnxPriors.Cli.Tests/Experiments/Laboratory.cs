using OnnxPriors.Cli.Commands;
using OnnxPriors.Cli.Tests.BadInput;
using OnnxPriors.Onnx;

namespace OnnxPriors.Cli.Tests.Experiments;

/// <summary>A perceptron, a table of flowers, a prior file and an experiment on them that takes a second.</summary>
internal sealed class Laboratory : IDisposable
{
    private readonly Workbench bench = new();

    public Laboratory()
    {
        OnnxFile.Save(Workbench.Perceptron(1), bench["model.onnx"]);
        File.WriteAllLines(bench["data.csv"], Workbench.Rows(["aster", "bellis", "crocus"]));
        bench.WritePrior("prior.safetensors");
        WriteFile("lab.yaml", Text);
    }

    /// <summary>Seven methods, two numbers of labels, two seeds.</summary>
    public const string Text = """
        name: Flowers
        model: model.onnx
        posterior: { file: prior.safetensors }
        target: { data: data.csv, validation: 0.2 }
        labels-per-class: [2, 4]
        seeds: [1, 2]
        training: { steps: 12, batch: 4, validations: 3 }
        methods:
          linear-probe: { learning-rates: [0.01, 0.1, 0.3, 1] }
          none: { learning-rates: [1e30, 0.01, 0.03, 0.1] }
          zero: { learning-rates: [0.01, 0.1], variances: [0.1, 1] }
          isotropic: { learning-rates: [0.01, 0.1], variances: [0.1, 1] }
          learned-diagonal: { learning-rates: [0.01, 0.1], variances: [0.1, 1] }
          learned: { learning-rates: [0.01, 0.1], variances: [0.1, 1] }
          permuted: { learning-rates: [0.01, 0.1], variances: [0.1, 1] }
        sghmc: { methods: [isotropic, learned], labels-per-class: 4, steps: 16, cycles: 2, samples-per-cycle: 2, temperature: 0.1 }
        """;

    public string this[string name] => bench[name];

    public void WriteFile(string name, string text) => File.WriteAllText(bench[name], text);

    /// <summary>Runs a command to its end.</summary>
    public static string Done(params string[] args)
    {
        var (code, output, error) = Run(args);
        Assert.AreEqual(ExitCode.Done, code, error);
        return output;
    }

    public static (int Code, string Output, string Error) Run(params string[] args)
    {
        using var output = new StringWriter();
        using var error = new StringWriter();
        return (CommandLine.Run([.. args, "--quiet"], output, error), output.ToString(), error.ToString());
    }

    /// <summary>The bytes of both tables.</summary>
    public string Tables(string folder, string suffix = "") =>
        File.ReadAllText(Path.Combine(this[folder], $"results{suffix}.csv")) + File.ReadAllText(Path.Combine(this[folder], $"results{suffix}.jsonl"));

    public void Dispose() => bench.Dispose();
}
