using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;

namespace OnnxPriors.Data.Sources;

/// <summary>Gathers what a source is into one SHA-256; every piece is preceded by its length, so that pieces cannot run together.</summary>
internal sealed class FingerprintHash : IDisposable
{
    private readonly IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);

    public FingerprintHash Add(string text) => Add(Encoding.UTF8.GetBytes(text));

    public FingerprintHash Add(long number) => Add(BitConverter.GetBytes(number));

    public FingerprintHash Add(ReadOnlySpan<int> numbers) => Add(MemoryMarshal.AsBytes(numbers));

    public FingerprintHash Add(ReadOnlySpan<byte> bytes)
    {
        hash.AppendData(BitConverter.GetBytes((long)bytes.Length));
        hash.AppendData(bytes);
        return this;
    }

    public string Finish() => Convert.ToHexStringLower(hash.GetHashAndReset());

    public void Dispose() => hash.Dispose();
}
