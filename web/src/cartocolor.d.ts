// cartocolor ships no types: a palette is a record from number of classes to hex colours.
declare module 'cartocolor';
