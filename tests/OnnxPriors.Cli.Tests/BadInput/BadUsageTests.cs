using OnnxPriors.Cli.Commands;

namespace OnnxPriors.Cli.Tests.BadInput;

[TestClass]
public sealed class BadUsageTests : IDisposable
{
    private static readonly string[] Whole =
    [
        "inspect @model.onnx",
        "import @model.onnx -o @out.onnx",
        "verify @model.onnx --inputs @batch.npz",
        "run @model.onnx --inputs @batch.npz -o @out.npz",
        "gradients @model.onnx --inputs @batch.npz -o @out.npz",
        "fit @model.onnx --data @data.csv -o @out.safetensors",
        "bake @model.onnx --prior @prior.safetensors --classes 3 -o @out",
        "train @step --data @data.csv -o @out",
        "evaluate @run --data @data.csv",
        "evaluate @model.onnx --data @data.csv",
        "export @run -o @out.onnx",
        "prior info @prior.safetensors",
        "prior sample @prior.safetensors -o @out.safetensors",
        "prior rescale @prior.safetensors -o @out.safetensors",
        "prior merge @prior.safetensors -o @out.safetensors",
        "prior export @prior.safetensors --model @model.onnx -o @out",
        "prior import @four --model @model.onnx -o @out.safetensors",
        "benchmark @model.onnx",
        "experiment @experiment.yaml -o @out",
        "report @results -o @out.html",
        "conformance @cases",
        "replay @step --batches @batch.npz",
        "checkpoint info @trained --package @package",
        "checkpoint export @trained --package @package -o @out.onnx",
        "checkpoint resume @trained --package @package -o @out",
    ];

    // They take no file of the user's.
    private static readonly string[] Without = ["demo", "operators"];

    private readonly Workbench bench = new();

    public void Dispose() => bench.Dispose();

    [TestMethod]
    public void Every_verb_is_tried_here() => Assert.AreSequenceEqual(
        Verbs.All.Select(v => v.Name).Concat(Verbs.Groups.SelectMany(g => g.Verbs.Select(v => $"{g.Name} {v.Name}"))).Except(Without).Order(),
        Whole.Select(Verb).Distinct().Order());

    [TestMethod]
    public void A_missing_file_is_named_by_every_verb_for_each_it_reads()
    {
        MakeRun();
        foreach (var (line, name) in Inputs())
        {
            var error = bench.Refused(line.Replace(name, "@missing-one", StringComparison.Ordinal), "@missing-one");
            Assert.DoesNotContain("Could not find", error);
        }
    }

    [TestMethod]
    public void A_folder_where_a_file_is_wanted_is_named_by_every_verb()
    {
        MakeRun();
        Directory.CreateDirectory(bench["folder"]);
        foreach (var (line, name) in Inputs())
            bench.Refused(line.Replace(name, "@folder", StringComparison.Ordinal), "@folder");
    }

    [TestMethod]
    public void A_file_where_a_folder_is_wanted_is_named()
    {
        bench.Bake();
        bench.Refused("train @model.onnx --data @data.csv -o @run", "@model.onnx", "bake");
        bench.Refused("export @model.onnx -o @out.onnx", "@model.onnx", "not a run");
        bench.Refused("train @step --data @data.csv -o @data.csv", "@data.csv", "a file", "folder");
        bench.Refused("bake @model.onnx --prior none --classes 3 -o @data.csv", "@data.csv", "a file", "folder");
        bench.Refused("demo -o @data.csv", "@data.csv", "a file", "folder");
    }

    [TestMethod]
    public void An_output_that_cannot_be_a_file_is_refused_before_the_work()
    {
        MakeRun();
        Directory.CreateDirectory(bench["folder"]);
        foreach (var line in Whole.Where(l => l.Contains(" -o @out.", StringComparison.Ordinal)))
        {
            var output = line.Split(' ').Single(word => word.StartsWith("@out", StringComparison.Ordinal));
            bench.Refused(line.Replace(output, "@folder", StringComparison.Ordinal), "@folder", "give the name of a file");
            bench.Refused(line.Replace(output, "@nowhere/out", StringComparison.Ordinal), "@nowhere", "does not exist");
        }
    }

    [TestMethod]
    public void An_unknown_option_and_one_that_is_left_out_are_named_with_the_way_to_the_help()
    {
        foreach (var line in Whole)
        {
            var verb = Verb(line);
            bench.Refused(line + " --nonsense 3", "--nonsense", $"onnxpriors {verb} --help");
            bench.Refused(verb, $"onnxpriors {verb} --help");
        }
        bench.Refused("fit @model.onnx", "--data", "--output");
    }

    [TestMethod]
    [DataRow("fit @model.onnx --data @data.csv -o @out.safetensors --rank 1", "rank is 1", "2")]
    [DataRow("fit @model.onnx --data @data.csv -o @out.safetensors --steps 0", "steps", "at least one")]
    [DataRow("fit @model.onnx --data @data.csv -o @out.safetensors --steps 10 --rank 20", "fewer than the rank 20", "more steps")]
    [DataRow("fit @model.onnx --data @data.csv -o @out.safetensors --learning-rate 0", "learning rate", "positive")]
    [DataRow("fit @model.onnx --data @data.csv -o @out.safetensors --learning-rate many", "many", "--learning-rate' as a number")]
    [DataRow("fit @model.onnx --data @data.csv -o @out.safetensors --batch 0", "--batch is 0", "1 or more")]
    [DataRow("fit @model.onnx --data @data.csv -o @out.safetensors --method laplace", "laplace", "swag")]
    [DataRow("bake @model.onnx --prior none --classes 1 -o @step", "1", "at least 2 classes")]
    [DataRow("bake @model.onnx --prior none --classes 0 -o @step", "0", "at least 2 classes")]
    [DataRow("bake @model.onnx --prior none --classes -3 -o @step", "-3", "at least 2 classes")]
    [DataRow("import @model.onnx --classes 1 -o @out.onnx", "1", "at least 2 classes")]
    [DataRow("bake @model.onnx --prior isotropic --scale 0 --classes 3 -o @step", "λ", "above 0")]
    [DataRow("bake @model.onnx --prior zero --scale -2 --classes 3 -o @step", "λ", "above 0")]
    [DataRow("bake @model.onnx --prior isotropic --epsilon -1 --classes 3 -o @step", "ε", "0 or")]
    [DataRow("bake @model.onnx --prior isotropic --head-variance 0 --classes 3 -o @step", "head", "above 0")]
    [DataRow("bake @model.onnx --prior none --classes 3 -o @step --train pattern-of-nothing*", "pattern-of-nothing*", "hidden.weight")]
    [DataRow("bake @model.onnx --prior none --classes 3 -o @step --features nowhere", "nowhere", "inspect")]
    [DataRow("bake @model.onnx --prior none --classes 3 -o @step --optimizer adam", "'adam'", "'sgd' 'adamw' 'sgld' 'sghmc'")]
    [DataRow("verify @model.onnx --shape x=2x-4", "x=2x-4", "NAME=DIMS")]
    [DataRow("inspect @model.onnx --bind nonsense", "nonsense", "NAME=VALUE")]
    [DataRow("prior sample @prior.safetensors -o @out --draws 0", "--draws", "1")]
    public void An_option_out_of_range_is_one_message_that_says_the_range(string line, string first, string second) =>
        bench.Refused(line, first, second);

    [TestMethod]
    [DataRow("--epochs 0", "--epochs is 0")]
    [DataRow("--batch 0", "batch")]
    [DataRow("--learning-rate -1", "--learning-rate is -1")]
    [DataRow("--momentum 1", "--momentum is 1")]
    [DataRow("--validation 1.5", "1.5")]
    [DataRow("--validation -0.1", "-0.1")]
    [DataRow("--examples-per-class 0", "0")]
    [DataRow("--examples-per-class 1000", "1000")]
    [DataRow("--schedule sideways", "--schedule is 'sideways'")]
    [DataRow("--provider tpu", "--provider is 'tpu'")]
    [DataRow("--temperature NaN", "--temperature is NaN")]
    [DataRow("--resume", "no run")]
    public void Options_of_training_out_of_range_make_no_run(string option, string words)
    {
        bench.Bake();
        bench.Refused($"train @step --data @data.csv -o @run {option}", words);
    }

    [TestMethod]
    public void A_run_is_not_overwritten_and_not_resumed_with_other_data()
    {
        MakeRun();
        const string Train = "train @step --data @data.csv -o @run --epochs 2";
        bench.Refused(Train, "@run", "--resume");
        bench.Refused(Train + " --seed 7 --resume", "--seed was 0 and is 7");
        File.AppendAllLines(bench["data.csv"], ["1,2,3,4,aster"]);
        bench.Refused(Train + " --resume", "training data changed");
        bench.Refused("bake @model.onnx --prior none --classes 3 -o @run", "@run", "no step folder");
        File.WriteAllText(bench["step/notes.txt"], "mine");
        bench.Refused("bake @model.onnx --prior none --classes 3 -o @step", "@step", "notes.txt", "another folder");
    }

    // Each command line with each name that it reads; '@out…' is what it writes.
    private static IEnumerable<(string Line, string Name)> Inputs() =>
        from line in Whole
        from word in line.Split(' ')
        where word.StartsWith('@') && !word.StartsWith("@out", StringComparison.Ordinal)
        select (line, word);

    private static string Verb(string line) =>
        string.Join(' ', line.Split(' ')[..(Verbs.Groups.Any(group => line.StartsWith(group.Name + ' ', StringComparison.Ordinal)) ? 2 : 1)]);

    private void MakeRun()
    {
        bench.Bake();
        bench.Done("train @step --data @data.csv -o @run --epochs 2");
        bench.Done("bake @model.onnx --prior isotropic --classes 3 --target ort-training -o @package");
        File.Copy(bench["package/checkpoint"], bench["trained"]);
        bench.Done("prior export @prior.safetensors --model @model.onnx -o @four");
        Directory.CreateDirectory(bench["results"]);
        Directory.CreateDirectory(bench["cases/one"]);
        File.Copy(bench["model.onnx"], bench["cases/one/model.onnx"]);
    }
}
