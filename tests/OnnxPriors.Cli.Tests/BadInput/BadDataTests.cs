using System.Text;
using OnnxPriors.Data.Arrays;
using SkiaSharp;

namespace OnnxPriors.Cli.Tests.BadInput;

[TestClass]
public sealed class BadDataTests : IDisposable
{
    private const string FitDigits = "fit @@demo-digits.onnx --data @pictures -o @out.safetensors --steps 40 --rank 2";
    private const string TrainDigits = "train @digits --data @pictures -o @run --epochs 1";

    private readonly Workbench bench = new();

    public void Dispose() => bench.Dispose();

    [TestMethod]
    public void An_archive_with_a_name_that_leads_out_of_it_is_refused_and_nothing_is_written()
    {
        foreach (var (name, i) in ((string[])["../../outside/one.jpg", "cat/../../one.jpg", "/etc/one.jpg", "cat\\..\\..\\one.jpg"]).Select((name, i) => (name, i)))
        {
            bench.Zip($"archive{i}.zip", ("cat/one.jpg", Workbench.Picture(10)), (name, Workbench.Picture(20)));
            foreach (var line in (string[])[
                $"fit @@demo-digits.onnx --data @archive{i}.zip -o @out.safetensors",
                $"evaluate @@demo-digits.onnx --data @archive{i}.zip"])
                bench.Refused(line, $"@archive{i}.zip", name, "leads out of the archive");
        }
    }

    [TestMethod]
    public void A_class_folder_with_no_picture_is_named()
    {
        BakeDigits();
        Pictures();
        Directory.CreateDirectory(bench["pictures/empty"]);
        foreach (var line in (string[])[FitDigits, TrainDigits, "evaluate @@demo-digits.onnx --data @pictures"])
            bench.Refused(line, "@pictures", "'empty'", "no picture", "take the folder away");
        Directory.Delete(bench["pictures"], recursive: true);
        Directory.CreateDirectory(bench["pictures"]);
        bench.Refused(TrainDigits, "@pictures", "one folder a class");
    }

    [TestMethod]
    [DataRow(0)]
    [DataRow(9)]
    public void A_broken_picture_is_named_wherever_it_comes_and_no_run_is_left(int place)
    {
        BakeDigits();
        Pictures();
        var picture = Workbench.Picture(99);
        foreach (var bytes in (byte[][])[picture[..(picture.Length / 2)], Encoding.UTF8.GetBytes("not a picture"), []])
        {
            bench.Write($"pictures/1/{place}.jpg", bytes);
            foreach (var line in (string[])[TrainDigits + " --batch 4", FitDigits, "evaluate @@demo-digits.onnx --data @pictures"])
                bench.Refused(line, $"1/{place}.jpg");
        }
        // Put right, the same command makes the run.
        bench.Write($"pictures/1/{place}.jpg", picture);
        bench.Done(TrainDigits);
    }

    [TestMethod]
    public void Labels_out_of_range_are_named_with_the_range()
    {
        bench.Bake();
        File.WriteAllLines(bench["wide.csv"], Workbench.Rows(["0", "1", "7"]));
        bench.Refused("fit @model.onnx --data @wide.csv -o @out.safetensors", "@wide.csv", "7", "5 classes");
        bench.Refused("train @step --data @wide.csv -o @run", "@wide.csv", "7", "3 classes");
        bench.Refused("evaluate @model.onnx --data @wide.csv", "@wide.csv", "7", "5 classes");
        WriteArrays("negative.npz", -1);
        foreach (var line in (string[])["fit @model.onnx --data @negative.npz -o @out", "train @step --data @negative.npz -o @run", "evaluate @model.onnx --data @negative.npz"])
            bench.Refused(line, "@negative.npz", "-1");
        NpzFile.Write(bench["batch.npz"], [new("x", NpzArray.Of(new float[8], 2, 4)), new("labels", NpzArray.Of(new long[] { 0, 5 }, 2))]);
        foreach (var engine in (string[])["step", "torch"])
            bench.Refused($"gradients @model.onnx --inputs @batch.npz -o @out.npz --engine {engine}", "@batch.npz", "has 5", "0 to 4");
    }

    [TestMethod]
    public void Examples_that_do_not_fit_the_model_are_refused_and_no_run_is_left()
    {
        bench.Bake();
        File.WriteAllText(bench["narrow.csv"], "a,b,label\n1,2,x\n3,4,y\n5,6,z\n");
        foreach (var line in (string[])["fit @model.onnx --data @narrow.csv -o @out", "train @step --data @narrow.csv -o @run", "evaluate @model.onnx --data @narrow.csv"])
            bench.Refused(line, "@narrow.csv", "shape [2]", "takes [4]", "Check the data");
        File.WriteAllText(bench["words.csv"], "a,b,c,d,label\n1,2,3,4,x\n1,two,3,4,y\n");
        bench.Refused("train @step --data @words.csv -o @run", "@words.csv", "two");
    }

    [TestMethod]
    public void Inputs_that_do_not_fit_are_all_named()
    {
        NpzFile.Write(bench["batch.npz"], [new("y", NpzArray.Of(new float[8], 2, 4))]);
        foreach (var line in (string[])["run @model.onnx --inputs @batch.npz -o @out.npz", "verify @model.onnx --inputs @batch.npz", "gradients @model.onnx --inputs @batch.npz -o @out.npz"])
            bench.Refused(line, "@batch.npz");
        File.WriteAllText(bench["batch.npz"], "no archive");
        foreach (var line in (string[])["run @model.onnx --inputs @batch.npz -o @out.npz", "verify @model.onnx --inputs @batch.npz", "gradients @model.onnx --inputs @batch.npz -o @out.npz"])
            bench.Refused(line, "@batch.npz", "NPZ");
    }

    private void BakeDigits() => bench.Done("bake @@demo-digits.onnx --prior isotropic --classes 2 -o @digits");

    private void Pictures()
    {
        for (var i = 0; i < 10; i++)
            foreach (var (name, grey) in ((string, int)[])[("0", 20), ("1", 200)])
                bench.Write($"pictures/{name}/{i}.jpg", Workbench.Picture((byte)(grey + i), SKEncodedImageFormat.Jpeg));
    }

    private void WriteArrays(string name, long label) => NpzFile.Write(bench[name], [
        new("x", NpzArray.Of(new float[8], 2, 4)), new("y", NpzArray.Of(new long[] { 0, label }, 2))]);
}
