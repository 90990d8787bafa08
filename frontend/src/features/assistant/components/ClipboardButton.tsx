import { Button } from '@/components/ui/Button';
import { useToast } from '@/components/ui/Toast';
import { useTexts } from '@/i18n/useTexts';
import { assistantTexts } from '../i18n/assistantTexts';

/** Button that copies the text to the clipboard and shows whether that worked. */
export function ClipboardButton({ text, label }: { readonly text: string; readonly label: string }) {
  const t = useTexts(assistantTexts);
  const toast = useToast();
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text);
      toast.success({ title: t('copied') });
    } catch {
      toast.failure({ title: t('notCopied') });
    }
  };
  return (
    <Button size="s" aria-label={label} onClick={() => void copy()}>
      {t('copyText')}
    </Button>
  );
}
