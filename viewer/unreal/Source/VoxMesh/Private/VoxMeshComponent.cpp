#include "VoxMeshComponent.h"

UVoxMeshComponent::UVoxMeshComponent(const FObjectInitializer& Initializer) : Super(Initializer)
{
    PrimaryComponentTick.bCanEverTick = true;
}

void UVoxMeshComponent::BeginPlay()
{
    Super::BeginPlay();
    const voxmesh::Keys Keys{TCHAR_TO_UTF8(*ServerKey), TCHAR_TO_UTF8(*PublicKey), TCHAR_TO_UTF8(*SecretKey)};
    Receiver = MakeUnique<voxmesh::Receiver>(TCHAR_TO_UTF8(*Endpoint), Keys);
}

void UVoxMeshComponent::EndPlay(const EEndPlayReason::Type Reason)
{
    Receiver.Reset();
    Super::EndPlay(Reason);
}

int64 UVoxMeshComponent::GetMissed() const
{
    return Receiver ? static_cast<int64>(Receiver->Missed.load()) : 0;
}

FString UVoxMeshComponent::GetRefusal() const
{
    return Receiver ? FString(UTF8_TO_TCHAR(Receiver->Refusal().c_str())) : FString();
}

void UVoxMeshComponent::TickComponent(float DeltaTime, ELevelTick Tick, FActorComponentTickFunction* Function)
{
    Super::TickComponent(DeltaTime, Tick, Function);
    if (!Receiver)
    {
        return;
    }
    if (const auto Topology = Receiver->TakeTopology())
    {
        Show(*Topology);
    }
    if (Receiver->TakeFrame(Frame) && Points.Num() > 0 && Frame.Vertices.size() == 3 * static_cast<size_t>(Points.Num()))
    {
        Move(Frame.Vertices);
        UpdateMeshSection(0, Points, Normals, {}, Colors, {});
    }
}

void UVoxMeshComponent::Show(const voxmesh::Topology& Topology)
{
    const int32 Count = static_cast<int32>(Topology.Template.size() / 3);
    Triangles.SetNumUninitialized(static_cast<int32>(Topology.Faces.size()));
    for (int32 i = 0; i + 2 < Triangles.Num(); i += 3)
    {
        // The axes' change below keeps the shape, so that what was counter-clockwise from outside still is, as Unreal has it.
        Triangles[i] = Topology.Faces[i];
        Triangles[i + 1] = Topology.Faces[i + (bFlipFaces ? 2 : 1)];
        Triangles[i + 2] = Topology.Faces[i + (bFlipFaces ? 1 : 2)];
    }
    Colors.Init(FColor::White, Count);
    for (int32 i = 0; i < Count && !Topology.Albedo.empty(); ++i)
    {
        Colors[i] = FColor(Topology.Albedo[3 * i], Topology.Albedo[3 * i + 1], Topology.Albedo[3 * i + 2]);
    }
    Points.SetNumUninitialized(Count);
    Move(Topology.Template);
    CreateMeshSection(0, Points, Triangles, Normals, {}, Colors, {}, false);
}

void UVoxMeshComponent::Move(const std::vector<float>& Metres)
{
    // Metres, Y up, facing +Z, right-handed, to centimetres, Z up, facing +X, left-handed.
    for (int32 i = 0; i < Points.Num(); ++i)
    {
        Points[i] = 100.0 * FVector(Metres[3 * i + 2], -Metres[3 * i], Metres[3 * i + 1]);
    }
    Normals.Init(FVector::ZeroVector, Points.Num());
    for (int32 i = 0; i + 2 < Triangles.Num(); i += 3)
    {
        const FVector &A = Points[Triangles[i]], &B = Points[Triangles[i + 1]], &C = Points[Triangles[i + 2]];
        // Left-handed: the outside of a counter-clockwise triangle is at this side of the product.
        const FVector Area = FVector::CrossProduct(C - A, B - A) * (bFlipFaces ? -1.0 : 1.0);
        Normals[Triangles[i]] += Area;
        Normals[Triangles[i + 1]] += Area;
        Normals[Triangles[i + 2]] += Area;
    }
    for (FVector& Normal : Normals)
    {
        Normal.Normalize();
    }
}
