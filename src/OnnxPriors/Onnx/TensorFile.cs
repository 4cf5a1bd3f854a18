using Google.Protobuf;
using OnnxPriors.Graphs;
using OnnxPriors.Onnx.Protobuf;

namespace OnnxPriors.Onnx;

/// <summary>Reads and writes tensors that stand alone in a file, as the inputs and outputs of ONNX's backend tests do (<c>input_0.pb</c>).</summary>
public static class TensorFile
{
    private const int MaxNesting = 16;

    /// <summary>Reads a tensor.</summary>
    /// <param name="path">A file with one <c>TensorProto</c> in it; external data is not read.</param>
    /// <exception cref="ModelFormatException">The file is missing, holds no tensor of numbers or booleans, is cut short, or contradicts itself.</exception>
    public static TensorData Load(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        if (!File.Exists(path))
            throw new ModelFormatException($"There is no file '{path}'.");
        using var stream = File.OpenRead(path);
        try
        {
            using var input = CodedInputStream.CreateWithLimits(stream, int.MaxValue, MaxNesting);
            var tensor = TensorProto.Parser.ParseFrom(input);
            return new TensorReader(path, folder: null).Read(tensor, tensor.Name);
        }
        catch (InvalidProtocolBufferException e)
        {
            throw new ModelFormatException($"'{path}' is not a tensor of ONNX, or is cut short ({e.Message.TrimEnd('.')}).", e);
        }
    }

    /// <summary>Writes a tensor; the file appears whole or not at all.</summary>
    /// <param name="tensor">The tensor.</param>
    /// <param name="path">The file.</param>
    /// <param name="name">The name it has in the file.</param>
    /// <exception cref="IOException">The file cannot be written.</exception>
    public static void Save(TensorData tensor, string path, string name = "")
    {
        ArgumentNullException.ThrowIfNull(tensor);
        ArgumentException.ThrowIfNullOrEmpty(path);
        using var file = AtomicFile.Create(path);
        GraphWriter.Tensor(tensor, name, external: null).WriteTo(file.Stream);
        file.Commit();
    }
}
